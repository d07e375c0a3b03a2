// Deployments by place: a pin for each site on an outline of the world, which comes with the console.
import { Link, useNavigate } from '@tanstack/react-router';
import { MapPin } from 'lucide-react';
import { useMemo, useState } from 'react';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import world from 'world-atlas/land-110m.json';

import { n, t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { StatusGlyph } from '../status/StatusMark';
import styles from './Deployments.module.css';
import { project, usePlaces, type Place } from './places';

type Ring = [number, number][];

/** The land as one path. */
function outline(): string {
  const atlas = world as unknown as Topology<{ land: GeometryCollection }>;
  const rings = feature(atlas, atlas.objects.land).features.flatMap(({ geometry }): Ring[] => {
    if (geometry.type === 'Polygon') return geometry.coordinates as Ring[];
    return geometry.type === 'MultiPolygon' ? (geometry.coordinates as Ring[][]).flat() : [];
  });
  return rings.map((ring) => `M${ring.map((point) => project(point).map((one) => one.toFixed(1)).join(' ')).join('L')}Z`).join('');
}

export default function WorldMap() {
  const navigate = useNavigate();
  const found = usePlaces();
  const land = useMemo(outline, []);
  const [over, setOver] = useState<string | null>(null);
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={10} />;
  const { places, nowhere } = found.data;
  const pinned = places.filter((place): place is Place & { at: [number, number] } => place.at !== null);
  if (places.length === 0) return <Card><Empty icon={<MapPin />} title={t('No sites yet')} action={<Link to="/sites">{t('Sites')}</Link>}>{t('A deployment at a site with coordinates is shown on the map.')}</Empty></Card>;
  const go = (name: string) => void navigate({ to: '/deployments', search: { q: `site:"${name}"` } });
  return (
    <Card flush>
      <div className={styles.map}>
        <div className={styles.world}>
          <svg viewBox="0 4 360 148" preserveAspectRatio="xMidYMid meet" role="group" aria-label={t('Map of sites')}>
            <path className={styles.land} d={land} />
            {[...pinned].reverse().map((place) => {
              const [x, y] = project(place.at);
              const label = `${place.name}: ${n(place.total, 'deployment', 'deployments')}`;
              return (
                <g key={place.name} className={styles.pin} data-mark={place.mark} data-chosen={over === place.name || undefined} data-site={place.name} transform={`translate(${x} ${y})`} role="link" tabIndex={0} aria-label={label} onClick={() => go(place.name)} onKeyDown={(event) => event.key === 'Enter' && go(place.name)}>
                  <circle r={2 + Math.min(3, Math.log10(1 + place.total) * 1.4)} />
                  <text y={-4.4}>{place.name}</text>
                  <title>{label}</title>
                </g>
              );
            })}
          </svg>
        </div>
        <ul className={styles.places} aria-label={t('Sites')}>
          {places.map((place) => (
            <li key={place.name} onPointerEnter={() => setOver(place.name)} onPointerLeave={() => setOver(null)}>
              <Link to="/deployments" search={{ q: `site:"${place.name}"` }}>
                <b>{place.name}</b>
                <span>
                  {place.total === 0 ? t('nothing is here') : place.counts.map(({ mark, count }) => <span key={mark}><StatusGlyph mark={mark} size={11} /> {count}</span>)}
                  {place.at === null && <em>{t('without coordinates')}</em>}
                </span>
              </Link>
            </li>
          ))}
          {nowhere > 0 && <li className="quiet" style={{ padding: '8px 10px' }}>{t('{count} at no site', { count: n(nowhere, 'deployment', 'deployments') })}</li>}
        </ul>
      </div>
    </Card>
  );
}
