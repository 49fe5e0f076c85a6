"""The program on the clinic's PC."""

VERSION = "0.2.0"
