-- Additive: a constant default is kept in the catalog, so no row is rewritten. Waits for a lock no longer than
-- work may wait behind it; whoever gives up runs the push again.
set lock_timeout = '2s';

alter table public.job_queue add column cost_center text not null default 'none';

comment on column public.job_queue.cost_center is 'Who pays for the call.';
