-- Random operations on the ledger, each in a transaction of its own, without a client in between. One in ten carries a
-- key that everybody uses, mostly for the same thing. What was posted is added up here, apart from the ledger, to be
-- compared with it.
CREATE SCHEMA storm;
GRANT USAGE ON SCHEMA storm TO cursive_app, cursive_system;

-- A bigint bound, or the index on seq would not serve and a million operations would take hours.
CREATE FUNCTION storm.target(p_workspace uuid, p_kinds text[]) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT id FROM (
    SELECT id, kind, seq FROM credit_ledger
     WHERE workspace_id = p_workspace
       AND seq > (SELECT (credits_seq * random())::bigint FROM workspaces WHERE id = p_workspace) - 20
     ORDER BY seq LIMIT 40) AS nearby
   WHERE kind = ANY(p_kinds) ORDER BY random() LIMIT 1
$$;

CREATE PROCEDURE storm.run(
  p_workspaces uuid[], p_count int, p_me text, p_shared int, p_funds boolean,
  INOUT posted bigint, INOUT replayed bigint, INOUT refused bigint, INOUT change numeric, INOUT held numeric
) LANGUAGE plpgsql AS $$
DECLARE
  v_workspace uuid;
  v_kind text;
  v_key text;
  v_amount numeric;
  v_target uuid;
  v_shared int;
  v_answer record;
  r float;
BEGIN
  posted := 0; replayed := 0; refused := 0; change := 0; held := 0;
  FOR i IN 1 .. p_count LOOP
    v_workspace := p_workspaces[1 + floor(random() * array_length(p_workspaces, 1))];
    PERFORM set_config('app.workspace_id', v_workspace::text, true);
    v_key := p_me || ':' || i;
    v_amount := (1 + floor(random() * 5000)) / 100;
    v_target := NULL;
    r := random();
    IF p_funds THEN
      v_kind := CASE WHEN r < 0.4 THEN 'grant' WHEN r < 0.7 THEN 'purchase' WHEN r < 0.9 THEN 'adjustment'
                     ELSE 'reversal' END;
      IF v_kind = 'adjustment' AND random() < 0.6 THEN
        v_amount := -v_amount;
      ELSIF v_kind = 'reversal' THEN
        v_target := storm.target(v_workspace, ARRAY['purchase', 'grant']);
      END IF;
      IF random() < 0.1 THEN
        v_shared := floor(random() * p_shared);
        v_key := 'shared:' || v_shared;
        v_kind := CASE WHEN random() < 0.9 THEN 'grant' ELSE v_kind END;
        v_amount := CASE WHEN v_kind = 'grant' THEN 1 + v_shared % 7 ELSE v_amount END;
        v_target := CASE WHEN v_kind = 'grant' THEN NULL ELSE v_target END;
      END IF;
      v_answer := credit_fund(v_workspace, v_kind, v_amount, v_key, 'Storm', v_target);
    ELSE
      v_kind := CASE WHEN r < 0.3 THEN 'debit' WHEN r < 0.55 THEN 'hold' WHEN r < 0.75 THEN 'capture'
                     WHEN r < 0.85 THEN 'release' ELSE 'refund' END;
      IF v_kind IN ('capture', 'release') THEN
        v_target := storm.target(v_workspace, ARRAY['hold']);
      ELSIF v_kind = 'refund' THEN
        v_target := storm.target(v_workspace, ARRAY['debit', 'capture']);
      END IF;
      IF v_kind = 'release' AND random() < 0.5 THEN
        v_amount := NULL;
      END IF;
      IF random() < 0.1 THEN
        v_shared := floor(random() * p_shared);
        v_key := 'spent:' || v_shared;
        v_kind := CASE WHEN random() < 0.9 THEN 'debit' ELSE v_kind END;
        v_amount := CASE WHEN v_kind = 'debit' THEN 1 + v_shared % 7 ELSE v_amount END;
        v_target := CASE WHEN v_kind IN ('debit', 'hold') THEN NULL ELSE v_target END;
      END IF;
      v_answer := credit_spend(v_workspace, v_kind, v_amount, v_key, 'Storm', v_target);
    END IF;
    IF v_answer.outcome = 'posted' THEN
      posted := posted + 1;
      change := change + (v_answer.line).change;
      held := held + (v_answer.line).held_change;
    ELSIF v_answer.outcome = 'replayed' THEN
      replayed := replayed + 1;
    ELSE
      refused := refused + 1;
    END IF;
    COMMIT;
  END LOOP;
END $$;
