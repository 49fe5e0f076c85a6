"""The encrypted local database: the only place with peewee and SQLCipher."""
