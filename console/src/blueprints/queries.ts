import { useQuery } from '@tanstack/react-query';

import { api, API, data, headers, refusal, type Blueprint, type Node } from '../api/client';
import type { DataTypes, Specs } from '../form/schema';
import { isContained, type Relationship, type Shape } from '../topology/model';

export interface Plan {
  inputs: Specs;
  data_types: DataTypes;
  outputs: Record<string, { description?: string }>;
  capabilities: Record<string, { description?: string }>;
  nodes: { id: string; name: string; type: string; type_hierarchy: string[]; properties: Record<string, unknown>; relationships: Relationship[] | null; capabilities: unknown }[];
  deployment_plugins_to_install: Plugin[];
  workflow_plugins_to_install: Plugin[];
  host_agent_plugins_to_install: Plugin[];
  requirements: { secrets: unknown[] };
}

export interface Plugin {
  name: string;
  package_name: string | null;
  package_version: string | null;
  executor: string;
}

export function useBlueprint(id: string) {
  return useQuery({
    queryKey: ['blueprint', id],
    queryFn: () => data(api.GET('/blueprints/{id}', { params: { path: { id } } })) as Promise<Blueprint>,
    refetchInterval: (query) => (isBusy(query.state.data?.state) ? 800 : false),
  });
}

export function isBusy(state: string | undefined): boolean {
  return ['pending', 'uploading', 'extracting', 'parsing'].includes(state ?? '');
}

export function planOf(blueprint: Blueprint): Plan | null {
  return blueprint.plan as unknown as Plan | null;
}

/** Nodes of a plan in the form that deployments have them. */
export function nodesOf(plan: Plan): Node[] {
  return plan.nodes.map((node) => ({ ...node, id: node.name, relationships: node.relationships ?? [] }) as unknown as Node);
}

/** The same for a picture. */
export function shapesOf(plan: Plan): Shape[] {
  return plan.nodes.map((node) => ({
    id: node.name, type: node.type, type_hierarchy: node.type_hierarchy, host_id: null, plugins: [],
    container: (node.relationships ?? []).find(isContained)?.target_id ?? null,
    relationships: (node.relationships ?? []).filter((one) => !isContained(one)),
    planned_number_of_instances: 1, min_number_of_instances: 0, max_number_of_instances: -1, states: {}, drifted_instances: 0, unavailable_instances: 0,
  }));
}

/** The files of a blueprint, by their paths. */
export function useFiles(id: string) {
  return useQuery({
    queryKey: ['blueprint', id, 'files'],
    queryFn: () => data(api.GET('/blueprints/{id}/files', { params: { path: { id } } })),
  });
}

/** More than this of a file is not shown. */
const SHOWN = 400_000;

export function useFile(id: string, path: string | undefined) {
  return useQuery({
    queryKey: ['blueprint', id, 'file', path],
    enabled: path !== undefined,
    queryFn: () => readFile(id, path ?? ''),
  });
}

/** The text of a file; nothing for what is no text. */
export async function readFile(id: string, path: string): Promise<string | null> {
  const place = `/blueprints/${encodeURIComponent(id)}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
  const response = await fetch(`${API}${place}`, { headers: headers() });
  if (!response.ok) throw await refusal(response, `GET ${place}`);
  const text = await response.text();
  return text.includes('\0') ? null : text.slice(0, SHOWN);
}
