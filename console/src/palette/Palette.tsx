// Ctrl-K: goes to any page, and to everything with a name by a part of it.
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight';
import '@mantine/spotlight/styles.css';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Box, Boxes, CornerDownRight, FileCode2, KeyRound, MapPin, Play, Puzzle, Radio, Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';

import { api, data, type Schemas } from '../api/client';
import { PLACES } from '../frame/keys';
import { t } from '../i18n/t';

type Hit = Schemas['Found']['items'][number];

const KINDS: { kind: Hit['kind']; title: string; icon: ReactNode }[] = [
  { kind: 'deployment', title: 'Deployments', icon: <Boxes size={16} /> },
  { kind: 'blueprint', title: 'Blueprints', icon: <FileCode2 size={16} /> },
  { kind: 'execution', title: 'Runs', icon: <Play size={16} /> },
  { kind: 'node_instance', title: 'Node instances', icon: <Box size={16} /> },
  { kind: 'secret', title: 'Secrets', icon: <KeyRound size={16} /> },
  { kind: 'plugin', title: 'Plugins', icon: <Puzzle size={16} /> },
  { kind: 'site', title: 'Sites', icon: <MapPin size={16} /> },
  { kind: 'agent', title: 'Agents', icon: <Radio size={16} /> },
];

export function Palette() {
  const navigate = useNavigate();
  const [search, setSearch] = useState('');
  const wanted = search.trim();
  const found = useQuery({
    queryKey: ['search', wanted],
    enabled: wanted.length > 0,
    staleTime: 5_000,
    queryFn: () => data(api.GET('/search', { params: { query: { q: wanted } } })),
  });
  const open = (hit: Hit) => {
    const deployment = hit.deployment_id ?? '';
    switch (hit.kind) {
      case 'deployment': return void navigate({ to: '/deployments/$id', params: { id: hit.id }, search: {} });
      case 'blueprint': return void navigate({ to: '/blueprints/$id', params: { id: hit.id }, search: {} });
      case 'execution': return void navigate({ to: '/runs/$id', params: { id: hit.id }, search: {} });
      case 'node_instance': return void navigate({ to: '/deployments/$id', params: { id: deployment }, search: { tab: 'nodes', node: hit.about ?? undefined } });
      case 'secret': return void navigate({ to: '/secrets', search: { q: hit.id } });
      case 'plugin': return void navigate({ to: '/plugins', search: { q: hit.name } });
      case 'site': return void navigate({ to: '/deployments', search: { q: `site:"${hit.id}"` } });
      default: return void navigate({ to: '/agents' });
    }
  };
  const hits = wanted ? found.data?.items ?? [] : [];
  const action = (hit: Hit, icon: ReactNode): SpotlightActionData => ({
    id: `${hit.kind} ${hit.id}`, label: hit.name, description: [hit.name === hit.id ? null : hit.id, hit.deployment_id, hit.about].filter(Boolean).join(' · ') || undefined,
    // What the manager found stays, whatever the palette itself would look for.
    keywords: wanted, leftSection: icon, onClick: () => open(hit),
  });
  const pages = PLACES.map(({ to, label, key }) => ({ id: to, label: t(label), leftSection: <CornerDownRight size={16} />, rightSection: <kbd>g {key}</kbd>, onClick: () => void navigate({ to }) }));
  const groups: SpotlightActionGroupData[] = [
    ...KINDS.map(({ kind, title, icon }) => ({ group: t(title), actions: hits.filter((hit) => hit.kind === kind).map((hit) => action(hit, icon)) })),
    { group: t('Go to'), actions: pages },
  ].filter((group) => group.actions.length > 0);
  return (
    <Spotlight
      actions={groups}
      query={search}
      onQueryChange={setSearch}
      nothingFound={t('Nothing is called so')}
      highlightQuery
      scrollable
      maxHeight={420}
      shortcut={['mod + K']}
      searchProps={{ leftSection: <Search size={18} />, placeholder: t('Go to a page, or to anything by its name'), 'aria-label': t('Go to') }}
    />
  );
}
