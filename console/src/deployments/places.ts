// Where deployments are: sites with their coordinates, and how what is there stands.
import { useQuery } from '@tanstack/react-query';

import type { Schemas } from '../api/client';
import { call, type Listed } from '../api/list';
import type { Mark } from '../status/status';

type Site = Schemas['Site'];

/** A count of deployments, as summaries give them. */
export interface Count {
  site_name: string | null;
  deployments: number;
  'by deployment_status': { deployment_status: string | null; deployments: number }[];
}

export interface Place {
  name: string;
  /** Degrees east and north, where the site has coordinates. */
  at: [number, number] | null;
  total: number;
  mark: Mark;
  counts: { mark: Mark; count: number }[];
}

const MARK: Record<string, Mark> = { requires_attention: 'attention', in_progress: 'working', good: 'ok' };
const WORST: Mark[] = ['attention', 'working', 'ok', 'idle'];

/** Sites with what is there, the worst first. */
export function places(sites: Site[], counts: Count[]): Place[] {
  const of = new Map(counts.map((one) => [one.site_name, one]));
  const found = sites.map((site): Place => {
    const own = of.get(site.name);
    const marks = (own?.['by deployment_status'] ?? []).map((one) => ({ mark: MARK[one.deployment_status ?? ''] ?? 'idle', count: one.deployments }));
    const known = WORST.map((mark) => ({ mark, count: marks.filter((one) => one.mark === mark).reduce((sum, one) => sum + one.count, 0) })).filter((one) => one.count > 0);
    const at = site.latitude === null || site.longitude === null ? null : [site.longitude, site.latitude] as [number, number];
    return { name: site.name, at, total: own?.deployments ?? 0, mark: known[0]?.mark ?? 'idle', counts: known };
  });
  return found.sort((left, right) => WORST.indexOf(left.mark) - WORST.indexOf(right.mark) || left.name.localeCompare(right.name));
}

/** A place on the plane of the map: degrees as they are, north at the top. */
export const project = ([east, north]: [number, number]): [number, number] => [east + 180, 90 - north];

export function usePlaces() {
  return useQuery({
    queryKey: ['deployments', 'places'],
    queryFn: async () => {
      const [sites, counts] = await Promise.all([
        call<Listed<Site>>('GET', '/sites?_size=1000'),
        call<{ items: Count[] }>('GET', '/summary/deployments?_target_field=site_name&_sub_field=deployment_status&_size=10000'),
      ]);
      return { places: places(sites.items, counts.items), nowhere: counts.items.find((one) => one.site_name === null)?.deployments ?? 0 };
    },
  });
}
