import { getRouteApi } from "@tanstack/react-router";
import { PageHeader } from "@/components/PageHeader";

const route = getRouteApi("/inside/campaigns/$id");

export function Campaign() {
  const { id } = route.useParams();
  return <PageHeader title={`Campaign ${id}`} />;
}
