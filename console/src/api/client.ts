// The REST service, typed by its OpenAPI document. Requests carry the session's cookie, the header that goes with it,
// and the tenant; a refusal becomes an `ApiError`.
import createClient from 'openapi-fetch';

import type { components, paths } from './schema';
import { tenant } from './tenant';

export type Schemas = components['schemas'];
export type Deployment = Schemas['Deployment'];
export type Execution = Schemas['Execution'];
export type Task = Schemas['ExecutionTask'];
export type Node = Schemas['Node'];
export type NodeInstance = Schemas['NodeInstance'];
export type Event = Schemas['Event'];
export type Blueprint = Schemas['Blueprint'];
export type Workflow = Schemas['Workflow'];

export const API = '/api/v3.1';

/** What the manager refused, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly request: string,
    readonly id: string | null,
  ) {
    super(message);
  }
}

type Listener = () => void;
const lost = new Set<Listener>();

/** Calls `listener` when a request finds the session over. */
export function onSignedOut(listener: Listener): () => void {
  lost.add(listener);
  return () => lost.delete(listener);
}

/** Headers of every request. */
export function headers(): Record<string, string> {
  return { 'x-nephele-console': '1', Tenant: tenant() };
}

/** Whether the session is over: 401 is also the answer to some things that are not allowed. */
export async function look(): Promise<void> {
  const answer = await fetch(`${API}/user`, { headers: headers() });
  if (answer.status === 401) lost.forEach((listener) => listener());
}

/** What a refused answer says. */
export async function refusal(response: Response, request: string): Promise<ApiError> {
  const id = response.headers.get('x-request-id');
  let code = String(response.status);
  let message = response.statusText || 'The manager did not answer';
  try {
    const body = (await response.clone().json()) as { message?: string; error_code?: string };
    message = body.message ?? message;
    code = body.error_code ?? code;
  } catch {
    // No JSON: a proxy's page. Its status says enough.
  }
  return new ApiError(response.status, code, message, request, id);
}

export const api = createClient<paths>({ baseUrl: API });

api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers())) {
      if (!request.headers.has(name)) request.headers.set(name, value);
    }
    return request;
  },
  async onResponse({ request, response }) {
    if (response.ok) return response;
    if (response.status === 401) void look();
    throw await refusal(response, `${request.method} ${new URL(request.url).pathname}`);
  },
});

/** The data of an answer that was not refused. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
