import { Menu } from "@mantine/core";
import { IconCheck, IconSelector } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { workspacesQuery } from "./queries";
import { useSelectWorkspace } from "./useSelectWorkspace";
import classes from "./WorkspaceSwitch.module.css";
import { roleWords } from "./words";

/** The name of this workspace, and the way to the others; nothing for a member of one alone. */
export function WorkspaceSwitch() {
  const { data: workspaces = [] } = useQuery(workspacesQuery());
  const { go, pending } = useSelectWorkspace();
  const current = workspaces.find((each) => each.selected);
  if (workspaces.length < 2 || !current) return null;
  return (
    <Menu position="bottom-start" width={236} withinPortal>
      <Menu.Target>
        <button
          type="button"
          className={classes.button}
          disabled={pending}
          aria-label={`Workspace: ${current.name}`}
        >
          <span className={classes.name} title={current.name}>
            {current.name}
          </span>
          <IconSelector size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown className={classes.list ?? ""}>
        {workspaces.map(({ id, name, role, selected }) => (
          <Menu.Item
            key={id}
            aria-current={selected ? "true" : undefined}
            rightSection={selected && <IconCheck size={16} aria-hidden />}
            onClick={() => !selected && void go(id)}
          >
            <span className={classes.item}>{name}</span>
            <span className={classes.role}>{roleWords(role)}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
