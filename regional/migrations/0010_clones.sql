-- Two PCs with one key. An epoch that another took the place of and that is heard of again: once, an old copy was put
-- back; a second one of the same terminal, a twin works with it. It is then asked to enrol anew, each PC by itself.
ALTER TABLE terminal ADD COLUMN cloned_at timestamptz;
ALTER TABLE epoch
    ADD COLUMN sealed_at timestamptz,  -- its first batch, by the region's clock as the terminal knew it
    ADD COLUMN superseded_at timestamptz,  -- when the terminal signed the first batch of the epoch that followed
    ADD COLUMN returned_at timestamptz;
