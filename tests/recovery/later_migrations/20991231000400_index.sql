-- Alone in its file: the CLI sends a file with `concurrently` statement by statement, without a transaction. What an
-- interrupted build left is invalid, and `if not exists` would take it for the index.
drop index concurrently if exists public.job_queue_by_cost_center;

create index concurrently job_queue_by_cost_center on public.job_queue (cost_center);
