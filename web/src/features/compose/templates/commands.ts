/** Commands on templates. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import type { KeptText } from "../content/kept";

export const keepTemplate = (body: KeptText & { name: string }) =>
  answer(api.POST("/api/templates", { body }));

export const changeTemplate = (id: number, body: KeptText & { name: string }) =>
  answer(api.PATCH("/api/templates/{id}", { params: { path: { id } }, body }));

export function useDeleteTemplate() {
  const command = useCommand({
    run: ({ id }: { id: number; name: string }) =>
      answer(api.DELETE("/api/templates/{id}", { params: { path: { id } } })),
    changes: [keys.templates.all()],
    said: (_, { name }) => `“${name}” is deleted.`,
    failed: "The template is still there",
  });
  const ask = async (template: { id: number; name: string }) => {
    const sure = await confirm({
      title: `Delete “${template.name}”?`,
      children: "Campaigns that began with it stay as they are. That cannot be undone.",
      confirm: "Delete the template",
    });
    if (sure) await command.run(template);
  };
  return { ...command, ask };
}
