-- The credit functions again, with less done while the workspace's row is locked (docs/performance.md, "Credits").
-- What is promised is that of 0002_credits.sql. A plpgsql expression is prepared anew in every transaction, so the usual
-- kinds (debit, hold) pass few of them; the wrappers hand the answer on as one value instead of taking it apart.

CREATE TYPE credit_posting AS (outcome text, available numeric, remaining numeric, line credit_ledger);

-- One ledger line and the balances with it, or the reason why not. Outcomes: posted; replayed (same key, same
-- parameters: the first line); mismatch (same key, other parameters); insufficient; exceeds (more than is left of the
-- answered line); unknown_line (no such line of the right kind); nothing (a release with nothing left).
-- Nothing has changed unless the outcome is posted. The row of the workspace is locked by the first statement that
-- writes, so lines of one workspace are made one after another and a retry sees the line of its twin; the same
-- statement shows that the workspace exists, which is why a line needs no foreign key to it.
CREATE FUNCTION credit_post(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid, p_job uuid,
  p_reference text, p_expires timestamptz, p_details jsonb, p_user uuid, p_actor text
) RETURNS credit_posting LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid := gen_random_uuid();  -- reads the system's randomness: not while others wait for the row
  v_size numeric := p_amount;
  v_change numeric := -p_amount;
  v_held numeric := 0;
  v_guarded boolean := true;
  v_available numeric;
  v_held_after numeric;
  v_seq bigint;
  v_remaining numeric;
  v_line credit_ledger;
  v_target credit_ledger;
BEGIN
  IF p_key IS NULL OR length(p_key) NOT BETWEEN 1 AND 200 OR p_key ~ '[^!-~]' THEN
    RAISE EXCEPTION 'an idempotency key of 1 to 200 printable characters without spaces is required'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_amount IS NULL AND p_kind <> 'release' OR p_amount <= 0 AND p_kind <> 'adjustment' OR p_amount = 0
     OR p_amount = 'NaN' OR abs(p_amount) > 1000000000 OR p_amount <> round(p_amount, 2) THEN
    RAISE EXCEPTION 'the amount must be more than 0, at most 1,000,000,000 and have at most two decimals'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  IF p_kind = 'hold' THEN
    v_held := p_amount;
  ELSIF p_kind <> 'debit' THEN
    IF p_kind IN ('capture', 'release', 'refund', 'reversal') THEN
      PERFORM 1 FROM workspaces WHERE id = p_workspace FOR NO KEY UPDATE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'no such workspace' USING ERRCODE = 'no_data_found';
      END IF;
      SELECT * INTO v_line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
      IF FOUND THEN
        RETURN (credit_replay(v_line, p_kind, p_amount, p_answers, p_job, p_reference), NULL, NULL, v_line)::credit_posting;
      END IF;
      SELECT * INTO v_target FROM credit_ledger WHERE workspace_id = p_workspace AND id = p_answers;
      IF NOT FOUND OR v_target.kind <> ALL (CASE p_kind WHEN 'refund' THEN ARRAY['debit', 'capture']
                                            WHEN 'reversal' THEN ARRAY['purchase', 'grant'] ELSE ARRAY['hold'] END) THEN
        RETURN ('unknown_line', NULL, NULL, NULL)::credit_posting;
      END IF;
      SELECT v_target.amount - coalesce(sum(l.amount), 0) INTO v_remaining
        FROM credit_ledger l WHERE l.workspace_id = p_workspace AND l.answers_id = p_answers;
      v_size := coalesce(p_amount, v_remaining);
      IF v_size = 0 THEN
        RETURN ('nothing', NULL, v_remaining, NULL)::credit_posting;
      ELSIF v_size > v_remaining THEN
        RETURN ('exceeds', NULL, v_remaining, NULL)::credit_posting;
      END IF;
    END IF;
    v_size := abs(v_size);
    v_guarded := p_kind = 'adjustment' AND p_amount < 0;
    v_change := CASE p_kind WHEN 'adjustment' THEN p_amount WHEN 'reversal' THEN -v_size WHEN 'capture' THEN 0
                            ELSE v_size END;
    v_held := CASE WHEN p_kind IN ('capture', 'release') THEN -v_size ELSE 0 END;
  END IF;

  UPDATE workspaces w
     SET credits_balance = w.credits_balance + v_change, credits_held = w.credits_held + v_held,
         credits_seq = w.credits_seq + 1
   WHERE w.id = p_workspace AND (NOT v_guarded OR w.credits_balance + v_change >= 0)
  RETURNING w.credits_balance, w.credits_held, w.credits_seq INTO v_available, v_held_after, v_seq;
  IF NOT FOUND THEN
    SELECT * INTO v_line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
    IF FOUND THEN
      RETURN (credit_replay(v_line, p_kind, p_amount, p_answers, p_job, p_reference), NULL, v_remaining, v_line)::credit_posting;
    END IF;
    SELECT w.credits_balance INTO v_available FROM workspaces w WHERE w.id = p_workspace;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no such workspace' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN ('insufficient', v_available, v_remaining, NULL)::credit_posting;
  END IF;

  INSERT INTO credit_ledger (
    id, workspace_id, seq, kind, amount, change, held_change, balance_after, held_after, idempotency_key, description,
    answers_id, job_id, reference, expires_at, details, actor_user_id, actor_label
  ) VALUES (
    v_id, p_workspace, v_seq, p_kind, v_size, v_change, v_held, v_available, v_held_after, p_key, p_description,
    p_answers, coalesce(p_job, v_target.job_id), coalesce(p_reference, v_target.reference), p_expires,
    coalesce(p_details, '{}'), p_user, coalesce(p_actor, v_target.actor_label, 'Cursive')
  ) ON CONFLICT (workspace_id, idempotency_key) DO NOTHING RETURNING * INTO v_line;
  IF FOUND THEN
    RETURN ('posted', v_available, v_remaining, v_line)::credit_posting;
  END IF;
  -- The key was used before: take our update back (we hold the row) and answer with the first line.
  UPDATE workspaces w
     SET credits_balance = w.credits_balance - v_change, credits_held = w.credits_held - v_held,
         credits_seq = w.credits_seq - 1
   WHERE w.id = p_workspace;
  SELECT * INTO v_line FROM credit_ledger WHERE workspace_id = p_workspace AND idempotency_key = p_key;
  RETURN (credit_replay(v_line, p_kind, p_amount, p_answers, p_job, p_reference), v_available, v_remaining, v_line)::credit_posting;
END $$;

CREATE FUNCTION credit_spend(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid DEFAULT NULL,
  p_job uuid DEFAULT NULL, p_reference text DEFAULT NULL, p_expires timestamptz DEFAULT NULL,
  p_user uuid DEFAULT NULL, p_api_key uuid DEFAULT NULL
) RETURNS credit_posting LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF p_kind IS NULL OR p_kind NOT IN ('hold', 'capture', 'release', 'debit', 'refund') THEN
    RAISE EXCEPTION 'not a way to spend: %', p_kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN credit_post(
    credit_workspace(p_workspace), p_kind, p_amount, p_key, p_description, p_answers, p_job, p_reference, p_expires,
    NULL, p_user, CASE WHEN coalesce(p_user, p_api_key) IS NOT NULL
                       THEN credit_actor(p_workspace, p_user, p_api_key, NULL) END);
END $$;

CREATE FUNCTION credit_fund(
  p_workspace uuid, p_kind text, p_amount numeric, p_key text, p_description text, p_answers uuid DEFAULT NULL,
  p_reference text DEFAULT NULL, p_user uuid DEFAULT NULL, p_actor text DEFAULT NULL
) RETURNS credit_posting LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF p_kind IS NULL OR p_kind NOT IN ('purchase', 'grant', 'adjustment', 'reversal') THEN
    RAISE EXCEPTION 'not a way to fund: %', p_kind USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN credit_post(
    credit_workspace(p_workspace), p_kind, p_amount, p_key, p_description, p_answers, NULL, p_reference, NULL, NULL,
    p_user, credit_actor(p_workspace, p_user, NULL, p_actor));
END $$;

-- The roadmap's function, made safe. p_metadata must carry "idempotency_key": without one a retry would spend twice.
-- success=false only for business answers (not enough credits, key used for another spend); a wrong amount, a missing
-- key, an unknown or foreign workspace are errors. A retry returns the balance the first call left.
CREATE FUNCTION deduct_credits(
  p_workspace_id uuid, p_amount numeric, p_action_type text, p_metadata jsonb DEFAULT '{}'::jsonb
) RETURNS TABLE (success boolean, new_balance numeric, error_message text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_posted credit_posting;
BEGIN
  IF p_action_type IS NULL OR length(p_action_type) NOT BETWEEN 1 AND 500 THEN
    RAISE EXCEPTION 'p_action_type must say in 1 to 500 characters what is paid for'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  v_posted := credit_post(credit_workspace(p_workspace_id), 'debit', p_amount, p_metadata ->> 'idempotency_key',
                          p_action_type, NULL, NULL, NULL, NULL, p_metadata, NULL, NULL);
  success := v_posted.outcome IN ('posted', 'replayed');
  IF success THEN
    new_balance := (v_posted.line).balance_after;
  ELSE
    error_message := CASE v_posted.outcome WHEN 'insufficient' THEN 'Insufficient credits'
                                           ELSE 'This idempotency key was used for another spend' END;
  END IF;
  RETURN NEXT;
END $$;

-- What the line's foreign key to its workspace did: a workspace that has lines stays, under its id. A line that is
-- being made holds the workspace's row, so a deletion waits for it and this sees it.
CREATE FUNCTION workspace_with_lines_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM credit_ledger WHERE workspace_id = OLD.id) AND (TG_OP = 'DELETE' OR NEW.id <> OLD.id) THEN
    RAISE EXCEPTION 'a workspace with ledger lines cannot be deleted or renumbered' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER workspace_with_lines_stays BEFORE DELETE ON workspaces
  FOR EACH ROW EXECUTE FUNCTION workspace_with_lines_stays();
-- AFTER, because a BEFORE trigger would lock and read the row once more for every spend.
CREATE TRIGGER workspace_with_lines_keeps_id AFTER UPDATE OF id ON workspaces
  FOR EACH ROW EXECUTE FUNCTION workspace_with_lines_stays();
