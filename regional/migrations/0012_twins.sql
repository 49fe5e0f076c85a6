-- The other names of a PC are looked for with every load (regional/twins.py).

CREATE INDEX ON terminal (continues) WHERE continues <> '';
CREATE INDEX ON terminal (clinic_code, desk);
