import { useQuery } from '@tanstack/react-query';

import { api, data, type Node, type NodeInstance } from '../api/client';
import { call, type Listed } from '../api/list';

/** A deployment as a picture: its nodes with their instances counted. */
export function useTopology(deployment: string) {
  return useQuery({
    queryKey: ['topology', deployment],
    queryFn: () => data(api.GET('/deployments/{id}/topology', { params: { path: { id: deployment } } })),
  });
}

/** All about one node; nothing where there is none of this name. */
export function useNode(deployment: string, id: string | undefined) {
  return useQuery({
    queryKey: ['nodes', deployment, id],
    enabled: id !== undefined,
    staleTime: 60_000,
    queryFn: async () => {
      const query = new URLSearchParams({ deployment_id: deployment, id: id ?? '' });
      return (await call<Listed<Node>>('GET', `/nodes?${query}`)).items[0] ?? null;
    },
  });
}

/** The instances of one node. */
export function useInstances(deployment: string, node: string | undefined) {
  return useQuery({
    queryKey: ['node-instances', deployment, node],
    enabled: node !== undefined,
    queryFn: async () => {
      const query = new URLSearchParams({ deployment_id: deployment, node_id: node ?? '', _sort: 'id', _size: '1000' });
      return (await call<Listed<NodeInstance>>('GET', `/node-instances?${query}`)).items;
    },
  });
}

/** How the last run ended for each node instance. */
export function useGrid(deployment: string, last: number, enabled = true) {
  return useQuery({
    queryKey: ['runs-grid', deployment, last],
    enabled,
    queryFn: () => data(api.GET('/deployments/{id}/runs-grid', { params: { path: { id: deployment }, query: { last } } })),
  });
}
