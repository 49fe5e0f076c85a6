"""The protocol under faults: real terminal stores, real region, a bad wire between them, everything counted."""
