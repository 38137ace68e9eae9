-- Calls that name a URL for their own events: such deliveries belong to an endpoint that stands in no list.

ALTER TABLE webhooks ADD COLUMN notifier INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN url TEXT;
ALTER TABLE deliveries ADD COLUMN signer BLOB;
CREATE INDEX webhooks_notifiers ON webhooks (app, mode) WHERE notifier = 1;
