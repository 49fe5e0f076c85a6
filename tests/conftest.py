pytest_plugins = ["tests.region_fixtures"]
