"""`vaxdesk backup create`: an encrypted, verified copy of the records."""
