// Signing in and out, and who is signed in.
import { useQuery, useQueryClient } from '@tanstack/react-query';

import { API, api, data, headers, refusal, type Schemas } from './client';
import { call, type Listed } from './list';
import { useTenant } from './tenant';

type TenantRoles = Record<string, { 'tenant-role': string | null; roles: string[] }>;

export interface Me {
  username: string;
  role: string;
  /** Roles in tenants. */
  tenants: TenantRoles;
  /** Tenants that can be entered: administrators enter those as well where they have no role. */
  names: string[];
}

export async function signIn(name: string, password: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  const response = await fetch(`${API}/session`, { method: 'POST', headers: { ...headers(), authorization } });
  if (!response.ok) throw await refusal(response, 'POST /session');
}

export async function signOut(): Promise<void> {
  await fetch(`${API}/session`, { method: 'DELETE', headers: headers() });
  location.assign('/console/');
}

/** The signed-in user. */
export function useMe() {
  return useQuery({
    queryKey: ['me'],
    staleTime: 60_000,
    retry: false,
    queryFn: async (): Promise<Me> => {
      const user: Schemas['User'] = await data(api.GET('/user', { params: { query: { _get_data: true } } }));
      const tenants = user.tenants as unknown as TenantRoles;
      const all = await call<Listed<{ name: string }>>('GET', '/tenants?_include=name&_size=1000').catch(() => null);
      const names = [...new Set([...Object.keys(tenants), ...(all?.items ?? []).map((one) => one.name)])].sort();
      return { username: user.username, role: user.role ?? 'default', tenants, names };
    },
  });
}

/** What the user may do in the current tenant: the union over all roles. */
export function usePermissions(): { may: (permission: string) => boolean; roles: string[]; known: boolean } {
  const tenant = useTenant();
  const me = useMe();
  const all = useQuery({
    queryKey: ['permissions'],
    staleTime: Infinity,
    enabled: me.isSuccess,
    queryFn: async () => (await call<{ authorization: { permissions: Record<string, string[]> } }>('GET', '/config?scope=authorization')).authorization.permissions,
  });
  const roles = [me.data?.role ?? '', ...(me.data?.tenants[tenant]?.roles ?? [])].filter(Boolean);
  const permissions = all.data;
  return { may: (permission) => !permissions || (permissions[permission] ?? []).some((role) => roles.includes(role)), roles, known: all.isSuccess };
}

/** Forgets everything that belonged to the last user. */
export function useForget(): () => void {
  const client = useQueryClient();
  return () => client.clear();
}
