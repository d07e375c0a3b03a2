// All about one node: its instances, properties, relationships and operations.
import { CloseButton, Tabs } from '@mantine/core';

import type { Node, NodeInstance } from '../api/client';
import { t } from '../i18n/t';
import { Card, Facts } from '../parts/Page';
import { Value } from '../parts/Value';
import { ofInstance } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { relationships, shortType } from './model';
import styles from './NodePanel.module.css';

/** So many instances are shown whole. */
const SHOWN = 50;

interface Operation {
  plugin: string;
  operation: string;
}

export function NodePanel({ node, instances, close, choose }: { node: Node; instances: NodeInstance[]; close: () => void; choose: (id: string) => void }) {
  const operations = Object.entries((node.operations ?? {}) as Record<string, Operation>).filter(([name, one]) => one.operation && name.includes('.'));
  return (
    <Card flush title={<>{node.id} <span className="quiet">{shortType(node.type)}</span></>} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Tabs defaultValue="instances" className={styles.tabs}>
        <Tabs.List>
          <Tabs.Tab value="instances">{t('Instances')}</Tabs.Tab>
          <Tabs.Tab value="properties">{t('Properties')}</Tabs.Tab>
          <Tabs.Tab value="relations">{t('Relations')}</Tabs.Tab>
          <Tabs.Tab value="operations">{t('Operations')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="instances" className={styles.panel}>
          {instances.length === 0 && <p className="quiet">{t('This node has no instances yet.')}</p>}
          {instances.slice(0, SHOWN).map((instance) => (
            <section key={instance.id} className={styles.instance}>
              <header><code>{instance.id}</code><StatusMark {...ofInstance(instance)} /></header>
              {Object.keys(instance.runtime_properties ?? {}).length > 0
                ? <Facts facts={Object.entries(instance.runtime_properties ?? {}).map(([name, value]) => [name, <Value key={name} value={value} copy />])} />
                : <span className="quiet">{t('No runtime properties')}</span>}
            </section>
          ))}
          {instances.length > SHOWN && <p className="quiet">{t('and {count} more, in the list of nodes', { count: instances.length - SHOWN })}</p>}
        </Tabs.Panel>
        <Tabs.Panel value="properties" className={styles.panel}>
          <Facts facts={[[t('Type'), <code key="type">{node.type}</code>], ...Object.entries(node.properties ?? {}).map(([name, value]): [string, React.ReactNode] => [name, <Value key={name} value={value} />])]} />
        </Tabs.Panel>
        <Tabs.Panel value="relations" className={styles.panel}>
          {relationships(node).length === 0 && <p className="quiet">{t('This node needs no other.')}</p>}
          <Facts facts={relationships(node).map((one) => [shortType(one.type), <button key={one.target_id} type="button" className={styles.link} onClick={() => choose(one.target_id)}>{one.target_id}</button>])} />
        </Tabs.Panel>
        <Tabs.Panel value="operations" className={styles.panel}>
          {operations.length === 0 && <p className="quiet">{t('No operation is implemented.')}</p>}
          <Facts facts={operations.map(([name, one]) => [name.split('.').slice(-1)[0] ?? name, <span key={name}><code>{one.operation}</code><br /><span className="quiet">{one.plugin}</span></span>])} />
        </Tabs.Panel>
      </Tabs>
    </Card>
  );
}
