"""How fast and how small it is: `make bench`. Every time stands beside a floor measured in the same run."""
