// A page that is one list: its search, its table, and what is said when there is nothing.
import { TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { type ReactNode } from 'react';

import { n, t } from '../i18n/t';
import { Card, Page } from './Page';
import { Empty, Loading, Problem } from './states';
import { Table, type Column } from './Table';
import { useTyped } from './typed';
import styles from './ListPage.module.css';

interface List<Row> {
  rows: Row[];
  total: number;
  isPending: boolean;
  isSuccess: boolean;
  error: unknown;
  refetch: () => unknown;
  more: () => void;
}

export function ListPage<Row>(props: {
  title: string;
  nouns: [string, string];
  list: List<Row>;
  columns: Column<Row>[];
  id: (row: Row) => string;
  open?: (row: Row) => void;
  chosen?: string;
  search?: { value: string; set: (text: string) => void };
  sort?: string;
  onSort?: (sort: string) => void;
  actions?: ReactNode;
  empty: { icon: ReactNode; title: string; text: string; action?: ReactNode };
  panel?: ReactNode;
  children?: ReactNode;
}) {
  const { list, search } = props;
  return (
    <Page fill title={props.title} about={<span>{list.isSuccess ? n(list.total, ...props.nouns) : ' '}</span>} actions={props.actions}>
      <div className={styles.tools}>
        {search && <SearchBox value={search.value} set={search.set} />}
        {props.children}
      </div>
      <div className={styles.panes} data-panel={props.panel ? true : undefined}>
        <Card flush>
          {Boolean(list.error) && <Problem error={list.error} retry={() => void list.refetch()} />}
          {list.isPending && !list.error && <Loading rows={10} />}
          {list.isSuccess && list.rows.length === 0 && (search?.value
            ? <Empty icon={<Search />} title={t('Nothing matches')}>{t('No entry is called “{text}”.', { text: search.value })}</Empty>
            : <Empty icon={props.empty.icon} title={props.empty.title} action={props.empty.action}>{props.empty.text}</Empty>)}
          {list.rows.length > 0 && (
            <Table label={props.title} columns={props.columns} rows={list.rows} id={props.id} open={props.open} chosen={props.chosen} sort={props.sort} onSort={props.onSort} more={list.more} />
          )}
        </Card>
        {props.panel}
      </div>
    </Page>
  );
}

export function SearchBox({ value, set, placeholder }: { value: string; set: (text: string) => void; placeholder?: string }) {
  const { text, setText, input, leave } = useTyped(value, set);
  return <TextInput ref={input} className={styles.search} leftSection={<Search size={15} />} placeholder={placeholder ?? t('Search')} aria-label={t('Search')} data-filter value={text} onChange={(event) => setText(event.currentTarget.value)} onBlur={leave} />;
}
