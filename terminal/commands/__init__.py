"""One module a command; each has `run(home, args, say) -> exit code`."""
