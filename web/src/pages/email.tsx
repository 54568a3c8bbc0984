import { getRouteApi } from "@tanstack/react-router";
import { PageHeader } from "@/components/PageHeader";

const route = getRouteApi("/inside/emails/$id");

export function Email() {
  const { id } = route.useParams();
  return <PageHeader title={`Email ${id}`} />;
}
