"""The program on the clinic's PC."""

VERSION = "0.1.0"
