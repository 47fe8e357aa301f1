-- +goose Up
-- A session is over at the earlier of its two ends; what is over is found by this, in the order of its end.
CREATE INDEX mapae_sessions_over ON mapae_sessions ((CASE WHEN idle_ends_at < ends_at THEN idle_ends_at ELSE ends_at END));
