-- What operators do with stores and accounts leaves the trace that dead letters have: who, what, when, why. Which actions
-- there are is the programs' affair; here only their form is checked, so that another command needs no migration. An action
-- about one account or store names it, without a foreign key: the trace outlives them.
--
-- An account that was disconnected keeps its row and its statistics; its cells hold the empty token, sealed like any other,
-- so that whoever reads or re-encrypts cells needs no exception. disconnected_at tells it from an account that is merely
-- disabled and has a grant; connecting it again clears it.

ALTER TABLE operator_actions
	DROP CONSTRAINT operator_actions_action_check,
	ADD CONSTRAINT operator_actions_action_check CHECK (action ~ '^[a-z]+(_[a-z]+)*$'),
	ADD COLUMN store_code varchar(50),
	ADD COLUMN account_id bigint;
CREATE INDEX operator_actions_account_idx ON operator_actions (account_id, started_at) WHERE account_id IS NOT NULL;

ALTER TABLE store_accounts
	ADD COLUMN disconnected_at timestamptz;
