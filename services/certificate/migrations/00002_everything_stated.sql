-- +goose Up
-- What else a certificate states (Decree 2-5) and is compared with: when the document was sent, and its attachments, each as
-- <algorithm>:<hex>. Null attachments are not known, which is so of rows from before; intake is then asked. Of those rows sent and received
-- are one reading of delivery's clock.
alter table document
    add column sent_at     timestamptz,
    add column attachments text[];
update document set sent_at = received_at where received_at is not null;

-- The checks that had no column of their own, and the new ones. What was issued before keeps what was found then.
alter table certificate
    add column same_cert_num    boolean not null default false,
    add column same_parties     boolean not null default false,
    add column same_attachments boolean not null default false,
    add column same_sent_at     boolean not null default false,
    add column same_received_at boolean not null default false,
    add column same_read_at     boolean not null default false,
    drop constraint certificate_issued_only_checked;
alter table certificate
    add constraint certificate_issued_only_checked
        check (state <> 2 or (signature and chain and identity and validity and hash and edoc_num and same_cert_num and same_parties
                              and same_attachments and same_sent_at and same_received_at and same_read_at)) not valid;
