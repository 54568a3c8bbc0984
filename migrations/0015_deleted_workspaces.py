"""Nothing is to be sent in a workspace that was deleted: a request that was under way meanwhile fails whole.

Harmless when run twice: function and triggers are replaced.
"""

from typing import Any

from yoyo import step

# As the owner of the tables, since the tenants' role does not see workspaces. Its search path ends with temporary
# tables, which are whoever's who asks.
FUNCTION = """
CREATE OR REPLACE FUNCTION campaigns_need_a_workspace() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = "{schema}", pg_temp AS $$
BEGIN
    -- Waits for whoever is deleting it; what became of it, only a look after that can see.
    PERFORM FROM workspaces WHERE id = NEW.workspace_id FOR KEY SHARE;
    IF EXISTS (SELECT FROM workspaces WHERE id = NEW.workspace_id AND deleted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'workspace % was deleted', NEW.workspace_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'campaigns_need_a_workspace';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION campaigns_need_a_workspace IS
    'Refuses that anything be sent in a deleted workspace. Whoever deletes one waits for what passed, and counts it';
REVOKE EXECUTE ON FUNCTION campaigns_need_a_workspace FROM PUBLIC;
"""
TRIGGERS = """
CREATE OR REPLACE TRIGGER campaigns_need_a_workspace BEFORE INSERT ON campaigns FOR EACH ROW
    EXECUTE FUNCTION campaigns_need_a_workspace();
CREATE OR REPLACE TRIGGER campaigns_active_need_a_workspace BEFORE UPDATE OF status ON campaigns FOR EACH ROW
    WHEN (NEW.status = 'ACTIVE' AND OLD.status <> 'ACTIVE')
    EXECUTE FUNCTION campaigns_need_a_workspace();
"""


def apply(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("SELECT current_schema()")
    (schema,) = cursor.fetchone()
    cursor.execute(FUNCTION.format(schema=schema))
    cursor.execute(TRIGGERS)


steps = [step(apply)]
