import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";

/** In campaigns that are scheduled from now on. */
export const putSignature = (senderId: number, body: components["schemas"]["SignatureBody"]) =>
  answer(api.PUT("/api/senders/{id}/signature", { params: { path: { id: senderId } }, body }));
