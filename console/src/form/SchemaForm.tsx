// Fields of a form: what must be filled first, what has a value already folded away below.
import { Autocomplete, JsonInput, MultiSelect, NumberInput, Select, Switch, TextInput, Textarea, UnstyledButton } from '@mantine/core';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { useState } from 'react';

import { n, t } from '../i18n/t';
import { useChoices } from './choices';
import type { Entries, Entry, Field } from './schema';
import styles from './SchemaForm.module.css';

interface Props {
  fields: Field[];
  entries: Entries;
  onChange: (name: string, entry: Entry) => void;
  problems: Record<string, string>;
  /** The deployment whose nodes and the like are offered. */
  deployment?: string;
}

export function SchemaForm({ fields, entries, onChange, problems, deployment }: Props) {
  const needed = fields.filter((field) => field.required);
  const rest = fields.filter((field) => !field.required);
  const [open, setOpen] = useState(rest.length <= 6);
  const opened = open || rest.some((field) => problems[field.name]);
  const one = (field: Field) => (
    <Input key={field.name} field={field} entry={entries[field.name] ?? ''} onChange={(entry) => onChange(field.name, entry)} problem={problems[field.name]} deployment={deployment} />
  );
  if (fields.length === 0) return <p className="quiet">{t('Nothing to fill in.')}</p>;
  return (
    <div className={styles.form}>
      {needed.map(one)}
      {rest.length > 0 && needed.length > 0 && (
        <UnstyledButton className={styles.fold} onClick={() => setOpen(!opened)} aria-expanded={opened}>
          {opened ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
          {n(rest.length, 'input with a default', 'inputs with defaults')}
        </UnstyledButton>
      )}
      {(opened || needed.length === 0) && rest.map(one)}
    </div>
  );
}

function Input({ field, entry, onChange, problem, deployment }: { field: Field; entry: Entry; onChange: (entry: Entry) => void; problem?: string; deployment?: string }) {
  const shared = {
    label: field.label, description: field.about || undefined, error: problem ? t(problem) : undefined, required: field.required,
    size: 'sm' as const, 'data-input': field.name,
  };
  const text = typeof entry === 'string' ? entry : '';
  switch (field.kind) {
    case 'switch':
      return <Switch label={field.label} description={field.about || undefined} size="sm" checked={entry === true} onChange={(event) => onChange(event.currentTarget.checked)} data-input={field.name} />;
    case 'integer':
    case 'number':
      return <NumberInput {...shared} value={text} onChange={(value) => onChange(String(value))} allowDecimal={field.kind === 'number'} styles={{ wrapper: { maxWidth: 260 } }} />;
    case 'area':
      return <Textarea {...shared} value={text} onChange={(event) => onChange(event.currentTarget.value)} minRows={field.rows} autosize maxRows={18} />;
    case 'choice':
      return <Select {...shared} value={text || null} onChange={(value) => onChange(value ?? '')} data={field.choices.map((value) => ({ value: JSON.stringify(value), label: String(value) }))} clearable={!field.required} maw={420} />;
    case 'pick':
      return <Pick {...shared} field={field} text={text} onChange={onChange} deployment={deployment} />;
    case 'picks':
      return <Picks {...shared} field={field} list={Array.isArray(entry) ? entry : []} onChange={onChange} deployment={deployment} />;
    case 'code':
      return <JsonInput {...shared} classNames={{ input: 'mono' }} value={text} onChange={onChange} minRows={2} maxRows={16} autosize formatOnBlur placeholder={field.type === 'list' ? '["a", "b"]' : field.type === 'dict' ? '{"key": "value"}' : t('Text or JSON')} />;
    case 'group':
      return <Group field={field} entries={typeof entry === 'object' && !Array.isArray(entry) ? entry : {}} onChange={onChange} problem={problem} deployment={deployment} />;
    default:
      return <TextInput {...shared} value={text} onChange={(event) => onChange(event.currentTarget.value)} placeholder={typeof field.fallback === 'string' ? field.fallback : undefined} />;
  }
}

function Group({ field, entries, onChange, problem, deployment }: { field: Field; entries: Entries; onChange: (entry: Entry) => void; problem?: string; deployment?: string }) {
  return (
    <fieldset className={styles.group}>
      <legend>{field.label}</legend>
      {field.about && <p className="quiet">{field.about}</p>}
      {problem && <p className={styles.problem} role="alert">{problem}</p>}
      {field.fields.map((one) => (
        <Input key={one.name} field={one} entry={entries[one.name] ?? ''} onChange={(entry) => onChange({ ...entries, [one.name]: entry })} deployment={deployment} />
      ))}
    </fieldset>
  );
}

type Shared = Record<string, unknown> & { label: string };

function Pick({ field, text, onChange, deployment, ...shared }: Shared & { field: Field; text: string; onChange: (entry: Entry) => void; deployment?: string }) {
  const [search, setSearch] = useState('');
  const choices = useChoices(field.picks, deployment, search);
  return <Autocomplete {...shared} value={text} onChange={(value) => { onChange(value); setSearch(value); }} data={choices} limit={50} maw={420} />;
}

function Picks({ field, list, onChange, deployment, ...shared }: Shared & { field: Field; list: string[]; onChange: (entry: Entry) => void; deployment?: string }) {
  const [search, setSearch] = useState('');
  const choices = useChoices(field.picks, deployment, search);
  return <MultiSelect {...shared} value={list} onChange={onChange} data={[...new Set([...list, ...choices])]} searchable searchValue={search} onSearchChange={setSearch} limit={50} nothingFoundMessage={t('Nothing is called so')} />;
}
