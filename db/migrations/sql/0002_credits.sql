-- The credit functions: the only way a line gets into the ledger.
-- credit_post does the work and is granted to nobody. credit_spend (holds, captures, releases, debits, refunds) is open
-- to both roles; credit_fund (grants, purchases, adjustments, reversals) to the system role alone, so that nothing a
-- customer's request can reach is able to make credits. deduct_credits and refund_credits keep the roadmap's signatures.

-- Whose ledger is meant. With a workspace set for the transaction it must be that one; without one, only the system
-- role (and the owner, who is a member of it) may name any.
CREATE FUNCTION credit_workspace(p_workspace uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_setting uuid := nullif(current_setting('app.workspace_id', true), '')::uuid;
BEGIN
  IF p_workspace IS NULL OR v_setting IS DISTINCT FROM p_workspace
     AND (v_setting IS NOT NULL OR NOT pg_has_role(session_user, 'cursive_system', 'MEMBER')) THEN
    RAISE EXCEPTION 'this workspace is not the one of the transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN p_workspace;
END $$;

CREATE FUNCTION credit_actor(p_workspace uuid, p_user uuid, p_api_key uuid, p_fallback text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_label text;
BEGIN
  IF p_user IS NOT NULL THEN
    SELECT coalesce(nullif(u.name, ''), u.email) INTO v_label
      FROM users u JOIN memberships m ON m.user_id = u.id AND m.workspace_id = p_workspace WHERE u.id = p_user;
  ELSIF p_api_key IS NOT NULL THEN
    SELECT 'API key ' || k.name INTO v_label FROM api_keys k WHERE k.workspace_id = p_workspace AND k.id = p_api_key;
  END IF;
  RETURN coalesce(v_label, p_fallback);
END $$;

-- One ledger line and the balances with it, or the reason why not. Outcomes: posted; replayed (same key, same
-- parameters: the first line); mismatch (same key, other parameters); insufficient; exceeds (more than is left of the
-- answered line); unknown_line (no such line of the right kind); nothing (a release with nothing left).
-- Nothing has changed unless the outcome is posted. The row of the workspace is locked by the first statement that
-- writes, so lines of one workspace are made one after another and a retry sees the line of its twin.
CREATE FUNCTION credit_post(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid, p_job uuid,
  p_reference text, p_expires timestamptz, p_details jsonb, p_user uuid, p_actor text,
  OUT outcome text, OUT available numeric, OUT remaining numeric, OUT line credit_ledger
) LANGUAGE plpgsql AS $$
DECLARE
  v_answering boolean := p_kind IN ('capture', 'release', 'refund', 'reversal');
  v_guarded boolean := p_kind IN ('debit', 'hold') OR p_kind = 'adjustment' AND p_amount < 0;
  v_size numeric := abs(p_amount);
  v_change numeric;
  v_held numeric;
  v_seq bigint;
  v_held_after numeric;
  v_target credit_ledger;
BEGIN
  IF p_key IS NULL OR p_key !~ '^[!-~]{1,200}$' THEN
    RAISE EXCEPTION 'an idempotency key of 1 to 200 printable characters without spaces is required'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_amount IS NULL AND p_kind <> 'release' OR p_amount <= 0 AND p_kind <> 'adjustment' OR p_amount = 0
     OR p_amount = 'NaN' OR v_size > 1000000000 OR p_amount <> round(p_amount, 2) THEN
    RAISE EXCEPTION 'the amount must be more than 0, at most 1,000,000,000 and have at most two decimals'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  IF v_answering THEN
    PERFORM 1 FROM workspaces WHERE id = p_workspace FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no such workspace' USING ERRCODE = 'no_data_found';
    END IF;
    SELECT * INTO line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
    IF FOUND THEN
      outcome := credit_replay(line, p_kind, p_amount, p_answers, p_job, p_reference);
      RETURN;
    END IF;
    SELECT * INTO v_target FROM credit_ledger WHERE workspace_id = p_workspace AND id = p_answers;
    IF NOT FOUND OR v_target.kind <> ALL (CASE p_kind WHEN 'refund' THEN ARRAY['debit', 'capture']
                                          WHEN 'reversal' THEN ARRAY['purchase', 'grant'] ELSE ARRAY['hold'] END) THEN
      outcome := 'unknown_line';
      RETURN;
    END IF;
    SELECT v_target.amount - coalesce(sum(l.amount), 0) INTO remaining
      FROM credit_ledger l WHERE l.workspace_id = p_workspace AND l.answers_id = p_answers;
    v_size := coalesce(v_size, remaining);
    IF v_size = 0 THEN
      outcome := 'nothing';
      RETURN;
    ELSIF v_size > remaining THEN
      outcome := 'exceeds';
      RETURN;
    END IF;
  END IF;

  v_change := CASE p_kind WHEN 'adjustment' THEN p_amount WHEN 'debit' THEN -v_size WHEN 'hold' THEN -v_size
                          WHEN 'reversal' THEN -v_size WHEN 'capture' THEN 0 ELSE v_size END;
  v_held := CASE p_kind WHEN 'hold' THEN v_size WHEN 'capture' THEN -v_size WHEN 'release' THEN -v_size ELSE 0 END;
  UPDATE workspaces w
     SET credits_balance = w.credits_balance + v_change, credits_held = w.credits_held + v_held,
         credits_seq = w.credits_seq + 1
   WHERE w.id = p_workspace AND (NOT v_guarded OR w.credits_balance + v_change >= 0)
  RETURNING w.credits_balance, w.credits_held, w.credits_seq INTO available, v_held_after, v_seq;
  IF NOT FOUND THEN
    SELECT * INTO line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
    IF FOUND THEN
      outcome := credit_replay(line, p_kind, p_amount, p_answers, p_job, p_reference);
      RETURN;
    END IF;
    SELECT w.credits_balance INTO available FROM workspaces w WHERE w.id = p_workspace;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no such workspace' USING ERRCODE = 'no_data_found';
    END IF;
    outcome := 'insufficient';
    RETURN;
  END IF;

  INSERT INTO credit_ledger (
    workspace_id, seq, kind, amount, change, held_change, balance_after, held_after, idempotency_key, description,
    answers_id, job_id, reference, expires_at, details, actor_user_id, actor_label
  ) VALUES (
    p_workspace, v_seq, p_kind, v_size, v_change, v_held, available, v_held_after, p_key, p_description,
    p_answers, coalesce(p_job, v_target.job_id), coalesce(p_reference, v_target.reference), p_expires,
    coalesce(p_details, '{}'), p_user, coalesce(p_actor, v_target.actor_label, 'Cursive')
  ) ON CONFLICT (workspace_id, idempotency_key) DO NOTHING RETURNING * INTO line;
  IF FOUND THEN
    outcome := 'posted';
    RETURN;
  END IF;
  -- The key was used before: take our update back (we hold the row) and answer with the first line.
  UPDATE workspaces w
     SET credits_balance = w.credits_balance - v_change, credits_held = w.credits_held - v_held,
         credits_seq = w.credits_seq - 1
   WHERE w.id = p_workspace;
  SELECT * INTO line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
  outcome := credit_replay(line, p_kind, p_amount, p_answers, p_job, p_reference);
END $$;

-- Whether a repeated key asks for the same thing. What is not given (a release of "the rest", a reference taken over
-- from the hold) is not compared; wording never is.
CREATE FUNCTION credit_replay(
  p_line credit_ledger, p_kind text, p_amount numeric, p_answers uuid, p_job uuid, p_reference text
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_line.kind = p_kind
               AND (p_amount IS NULL
                    OR CASE p_kind WHEN 'adjustment' THEN p_line.change ELSE p_line.amount END = p_amount)
               AND p_line.answers_id IS NOT DISTINCT FROM p_answers
               AND (p_job IS NULL OR p_line.job_id IS NOT DISTINCT FROM p_job)
               AND (p_reference IS NULL OR p_line.reference IS NOT DISTINCT FROM p_reference)
         THEN 'replayed' ELSE 'mismatch' END
$$;

CREATE FUNCTION credit_spend(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid DEFAULT NULL,
  p_job uuid DEFAULT NULL, p_reference text DEFAULT NULL, p_expires timestamptz DEFAULT NULL,
  p_user uuid DEFAULT NULL, p_api_key uuid DEFAULT NULL,
  OUT outcome text, OUT available numeric, OUT remaining numeric, OUT line credit_ledger
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_workspace uuid := credit_workspace(p_workspace);
  v_posted record;
BEGIN
  IF p_kind IS NULL OR p_kind NOT IN ('hold', 'capture', 'release', 'debit', 'refund') THEN
    RAISE EXCEPTION 'not a way to spend: %', p_kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  v_posted := credit_post(v_workspace, p_kind, p_amount, p_key, p_description, p_answers, p_job, p_reference, p_expires,
                          NULL, p_user, credit_actor(v_workspace, p_user, p_api_key, NULL));
  outcome := v_posted.outcome;
  available := v_posted.available;
  remaining := v_posted.remaining;
  line := v_posted.line;
END $$;

CREATE FUNCTION credit_fund(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid DEFAULT NULL,
  p_reference text DEFAULT NULL, p_user uuid DEFAULT NULL, p_actor text DEFAULT NULL,
  OUT outcome text, OUT available numeric, OUT remaining numeric, OUT line credit_ledger
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_workspace uuid := credit_workspace(p_workspace);
  v_posted record;
BEGIN
  IF p_kind IS NULL OR p_kind NOT IN ('purchase', 'grant', 'adjustment', 'reversal') THEN
    RAISE EXCEPTION 'not a way to fund: %', p_kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  v_posted := credit_post(v_workspace, p_kind, p_amount, p_key, p_description, p_answers, NULL, p_reference, NULL,
                          NULL, p_user, credit_actor(v_workspace, p_user, NULL, p_actor));
  outcome := v_posted.outcome;
  available := v_posted.available;
  remaining := v_posted.remaining;
  line := v_posted.line;
END $$;

-- The roadmap's function, made safe. p_metadata must carry "idempotency_key": without one a retry would spend twice.
-- success=false only for business answers (not enough credits, key used for another spend); a wrong amount, a missing
-- key, an unknown or foreign workspace are errors. A retry returns the balance the first call left.
CREATE FUNCTION deduct_credits(
  p_workspace_id uuid, p_amount numeric, p_action_type text, p_metadata jsonb DEFAULT '{}'::jsonb
) RETURNS TABLE (success boolean, new_balance numeric, error_message text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_posted record;
BEGIN
  IF p_action_type IS NULL OR length(p_action_type) NOT BETWEEN 1 AND 500 THEN
    RAISE EXCEPTION 'p_action_type must say in 1 to 500 characters what is paid for'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  v_posted := credit_post(credit_workspace(p_workspace_id), 'debit', p_amount, p_metadata ->> 'idempotency_key',
                          p_action_type, NULL, NULL, NULL, NULL, p_metadata, NULL, NULL);
  IF v_posted.outcome IN ('posted', 'replayed') THEN
    RETURN QUERY SELECT true, (v_posted.line).balance_after, NULL::text;
  ELSE
    RETURN QUERY SELECT false, NULL::numeric,
      CASE v_posted.outcome WHEN 'insufficient' THEN 'Insufficient credits'
                            ELSE 'This idempotency key was used for another spend' END;
  END IF;
END $$;

-- The roadmap's function, made safe: it gives back what one debit or capture took, never more. The signature has no
-- place for the original, so p_reason starts with it: 'debit:<idempotency key or line id> <why, in words>'. A retry
-- with the same words and amount returns the first balance; a second partial refund needs other words.
CREATE FUNCTION refund_credits(p_workspace_id uuid, p_amount numeric, p_reason text) RETURNS numeric
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_workspace uuid := credit_workspace(p_workspace_id);
  v_parts text[] := regexp_match(p_reason, '^debit:(\S{1,200})\s+(\S.*)$');
  v_debit uuid;
  v_posted record;
BEGIN
  IF v_parts IS NULL OR length(v_parts[2]) > 500 THEN
    RAISE EXCEPTION 'p_reason must read: debit:<idempotency key or line id of the debit> <why>'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT id INTO v_debit FROM credit_ledger
   WHERE workspace_id = v_workspace AND kind IN ('debit', 'capture')
     AND (idempotency_key = v_parts[1] OR id::text = lower(v_parts[1])) LIMIT 1;
  IF v_debit IS NULL THEN
    RAISE EXCEPTION 'no debit % in this workspace', v_parts[1] USING ERRCODE = 'no_data_found';
  END IF;
  v_posted := credit_post(v_workspace, 'refund', p_amount, 'refund:' || v_debit || ':' || md5(v_parts[2]), v_parts[2],
                          v_debit, NULL, NULL, NULL, NULL, NULL, NULL);
  IF v_posted.outcome IN ('posted', 'replayed') THEN
    RETURN (v_posted.line).balance_after;
  ELSIF v_posted.outcome = 'mismatch' THEN
    RAISE EXCEPTION 'this refund was made before with another amount' USING ERRCODE = 'unique_violation';
  ELSE
    RAISE EXCEPTION 'the refund is more than the % credits left of that debit', v_posted.remaining
      USING ERRCODE = 'check_violation';
  END IF;
END $$;

CREATE FUNCTION credit_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the credit ledger is append-only: correct a line by a new one' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER credit_ledger_append_only BEFORE UPDATE OR DELETE ON credit_ledger
  FOR EACH ROW EXECUTE FUNCTION credit_ledger_is_append_only();
CREATE TRIGGER credit_ledger_no_truncate BEFORE TRUNCATE ON credit_ledger
  FOR EACH STATEMENT EXECUTE FUNCTION credit_ledger_is_append_only();
