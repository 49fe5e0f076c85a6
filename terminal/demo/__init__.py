"""The demonstration: a synthetic clinic and a scripted morning."""
