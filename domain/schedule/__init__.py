"""The schedule engine: which doses count, what is due next, and why.

Follows the CDSi Logic Specification for ACIP Recommendations 4.6 (CDC); rule names such as CALCDT-5 or SELECTB-12
are that document's. A programme (programme.py) is data, a case (case.py) is one child on one day; engine.evaluate_case
joins them. Pure: no clock, no I/O.
"""
