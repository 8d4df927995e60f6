-- +goose Up
-- A failure whose code the operator has listed is no refusal: the hub asks to be called again later. The conditions only grow, so the rows
-- there are need not be read again.
alter table exchange_response drop constraint exchange_response_outcome_known;
alter table exchange_response add  constraint exchange_response_outcome_known
    check (outcome in ('success', 'refused', 'token_refused', 'try_later', 'unknown')) not valid;
alter table exchange_response drop constraint exchange_response_code_only_refused;
alter table exchange_response add  constraint exchange_response_code_only_refused
    check (error_code = '' or outcome in ('refused', 'token_refused', 'try_later')) not valid;
