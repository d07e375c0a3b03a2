import { Link } from '@tanstack/react-router';
import { Boxes, Building2, CalendarClock, FileCode2, History, House, KeyRound, ListFilter, MapPin, PanelLeftClose, PanelLeftOpen, Play, Puzzle, Radio, ScrollText, ServerCog, UserRound, UsersRound } from 'lucide-react';
import { useState, type ReactNode } from 'react';

import { usePermissions } from '../api/session';
import { t } from '../i18n/t';
import styles from './Frame.module.css';
import mark from './mark.svg';

interface Entry {
  to: string;
  label: string;
  icon: ReactNode;
}

/** A group that needs a right is not there for who lacks it. */
const GROUPS: { label: string; needs?: string; entries: Entry[] }[] = [
  {
    label: '',
    entries: [{ to: '/', label: 'Home', icon: <House /> }],
  },
  {
    label: 'Operate',
    entries: [
      { to: '/deployments', label: 'Deployments', icon: <Boxes /> },
      { to: '/runs', label: 'Runs', icon: <Play /> },
      { to: '/schedules', label: 'Schedules', icon: <CalendarClock /> },
      { to: '/events', label: 'Events', icon: <ScrollText /> },
    ],
  },
  {
    label: 'Build',
    entries: [
      { to: '/blueprints', label: 'Blueprints', icon: <FileCode2 /> },
      { to: '/plugins', label: 'Plugins', icon: <Puzzle /> },
      { to: '/secrets', label: 'Secrets', icon: <KeyRound /> },
    ],
  },
  {
    label: 'Resources',
    entries: [
      { to: '/sites', label: 'Sites', icon: <MapPin /> },
      { to: '/agents', label: 'Agents', icon: <Radio /> },
      { to: '/filters', label: 'Filters', icon: <ListFilter /> },
    ],
  },
  {
    label: 'Administer',
    needs: 'user_list',
    entries: [
      { to: '/users', label: 'Users', icon: <UserRound /> },
      { to: '/groups', label: 'Groups', icon: <UsersRound /> },
      { to: '/tenants', label: 'Tenants', icon: <Building2 /> },
      { to: '/audit', label: 'Audit', icon: <History /> },
      { to: '/system', label: 'System', icon: <ServerCog /> },
    ],
  },
];

const KEY = 'nephele.rail';

export function Rail() {
  const [folded, setFolded] = useState(() => localStorage.getItem(KEY) === 'yes');
  const { may } = usePermissions();
  const fold = () => {
    localStorage.setItem(KEY, folded ? 'no' : 'yes');
    setFolded(!folded);
  };
  return (
    <nav className={styles.rail} data-folded={folded || undefined} aria-label={t('Pages')}>
      <Link to="/" className={styles.brand}>
        <img src={mark} alt="" />
        <span className={styles.label}>Nephele</span>
      </Link>
      {GROUPS.filter((group) => !group.needs || may(group.needs)).map((group) => (
        <div key={group.label}>
          {group.label && <div className={styles.group}>{t(group.label)}</div>}
          {group.entries.map((entry) => (
            <Link key={entry.to} to={entry.to} className={styles.link} title={folded ? t(entry.label) : undefined} activeOptions={{ exact: entry.to === '/' }} aria-label={t(entry.label)}>
              {entry.icon}
              <span className={styles.label}>{t(entry.label)}</span>
            </Link>
          ))}
        </div>
      ))}
      <div className={styles.foot}>
        <button type="button" className={styles.link} onClick={fold} aria-label={t(folded ? 'Unfold' : 'Fold')}>
          {folded ? <PanelLeftOpen /> : <PanelLeftClose />}
          <span className={styles.label}>{t('Fold')}</span>
        </button>
      </div>
    </nav>
  );
}
