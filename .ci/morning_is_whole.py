"""The scripted morning's figures: at least 25 children and 40 doses, all in the region, none lost, none doubled."""

import json
import sys

said = json.load(sys.stdin)
whole = (
    said["children"] >= 25
    and said["doses_recorded"] >= 40
    and said["doses_refused"] >= 2
    and said["receipts_confirmed"] > 0
    and said["batches_uploaded"] > 0
    and said["region_doses"] == said["doses_recorded"]
    and said["lost"] == 0
    and said["doubled"] == 0
)
sys.exit(0 if whole else f"the morning is not whole: {said}")
