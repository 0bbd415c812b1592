-- Holds for what is written from now on; what is there already is looked at by the next file.
set lock_timeout = '2s';

alter table public.job_queue add constraint jobs_have_a_cost_center check (cost_center <> '') not valid;
