/** Queries of templates. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST } from "@/api/reading";

export const templatesQuery = () =>
  queryOptions({
    queryKey: keys.templates.list(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/templates", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

export const templateQuery = (id: number) =>
  queryOptions({
    queryKey: keys.templates.one(id),
    queryFn: ({ signal }) => answer(api.GET("/api/templates/{id}", { params: { path: { id } }, signal })),
  });
