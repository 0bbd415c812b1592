-- A file of its own, so a transaction of its own: the long look at all rows lets writers go on, and the short lock
-- of the file before is not held meanwhile.
set lock_timeout = '2s';

alter table public.job_queue validate constraint jobs_have_a_cost_center;
