// From the inputs of a blueprint, or the parameters of a workflow, to the fields of a form, and from what was entered
// to values. The manager judges again; what is checked here is what a person can be told at once.

export interface Spec {
  type?: string | null;
  default?: unknown;
  description?: string | null;
  display_label?: string | null;
  display?: { rows?: number } | null;
  constraints?: Record<string, unknown>[] | null;
  item_type?: string | null;
  hidden?: boolean | null;
  required?: boolean | null;
  properties?: Record<string, Spec> | null;
}

export type Specs = Record<string, Spec>;
export type DataTypes = Record<string, { properties?: Specs } | undefined>;

/** What is picked from a list that the manager has. */
export const PICKED = [
  'deployment_id', 'blueprint_id', 'secret_key', 'node_id', 'node_type', 'node_instance', 'scaling_group', 'capability_value', 'operation_name',
] as const;
export type Picked = (typeof PICKED)[number];

export type Kind = 'switch' | 'integer' | 'number' | 'text' | 'area' | 'choice' | 'pick' | 'picks' | 'group' | 'code';

export interface Field {
  name: string;
  label: string;
  about: string;
  kind: Kind;
  type: string;
  required: boolean;
  /** What an empty entry stands for. */
  fallback: unknown;
  choices: unknown[];
  picks: Picked | null;
  rows: number;
  constraints: Record<string, unknown>[];
  fields: Field[];
}

/** What was entered: text for all that is typed. */
export type Entry = string | boolean | string[] | Entries;
export interface Entries {
  [name: string]: Entry;
}

const isPicked = (type: string | null | undefined): type is Picked => (PICKED as readonly string[]).includes(type ?? '');
/** Whether a value is left to the manager, such as `{get_secret: key}`. */
const isFunction = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 1 && /^(get_|concat$|merge$|string_)/.test(Object.keys(value)[0] ?? '');

function kindOf(spec: Spec, data: DataTypes, choices: unknown[]): Kind {
  const type = spec.type ?? '';
  if (choices.length > 0) return 'choice';
  if (isFunction(spec.default)) return 'code';
  if (type === 'boolean') return 'switch';
  if (type === 'integer') return 'integer';
  if (type === 'float') return 'number';
  if (type === 'textarea') return 'area';
  if (isPicked(type)) return 'pick';
  if (type === 'list' && isPicked(spec.item_type)) return 'picks';
  if (data[type]?.properties) return 'group';
  if (['string', 'regex'].includes(type)) return (spec.display?.rows ?? 1) > 1 ? 'area' : 'text';
  if (!type && (typeof spec.default === 'string' || spec.default === undefined)) return 'text';
  return 'code';
}

/** Deeper than this a data type that holds itself is entered as JSON. */
const DEPTH = 4;

export function fieldOf(name: string, spec: Spec, data: DataTypes = {}, depth = 0): Field {
  const constraints = spec.constraints ?? [];
  const valid = constraints.find((one) => Array.isArray(one['valid_values']));
  const choices = (valid?.['valid_values'] as unknown[] | undefined) ?? [];
  const plain = kindOf(spec, data, choices);
  const kind = plain === 'group' && depth >= DEPTH ? 'code' : plain;
  const type = spec.type ?? '';
  const inner = kind === 'group' ? Object.entries(data[type]?.properties ?? {}) : [];
  const given = typeof spec.default === 'object' && spec.default !== null ? (spec.default as Record<string, unknown>) : {};
  return {
    name, label: spec.display_label ?? name, about: (spec.description ?? '').trim(), kind, type,
    required: spec.required ?? spec.default === undefined, fallback: spec.default, choices,
    picks: kind === 'pick' ? (type as Picked) : kind === 'picks' ? (spec.item_type as Picked) : null,
    rows: spec.display?.rows ?? 4, constraints: constraints.filter((one) => one !== valid),
    fields: inner.map(([key, one]) => fieldOf(key, key in given ? { ...one, default: given[key] } : one, data, depth + 1)),
  };
}

/** Fields that are shown: those that must be filled first, else in their order. */
export function fieldsOf(specs: Specs, data: DataTypes = {}): Field[] {
  const fields = Object.entries(specs).filter(([, spec]) => !spec.hidden).map(([name, spec]) => fieldOf(name, spec, data));
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

/** What an untouched field holds. `value` is one that is known, such as of the deployment that is changed. */
export function initial(field: Field, value: unknown = field.fallback): Entry {
  switch (field.kind) {
    case 'switch':
      return value === true;
    case 'group': {
      const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
      return Object.fromEntries(field.fields.map((one) => [one.name, initial(one, one.name in given ? given[one.name] : one.fallback)]));
    }
    case 'picks':
      return Array.isArray(value) ? value.map(String) : [];
    case 'code':
      return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
    case 'choice':
      return value === undefined || value === null ? '' : JSON.stringify(value);
    default:
      return value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

export function initials(fields: Field[], values: Record<string, unknown> = {}): Entries {
  return Object.fromEntries(fields.map((field) => [field.name, initial(field, field.name in values ? values[field.name] : field.fallback)]));
}

export type Read = { value: unknown } | { problem: string } | { absent: true };

/** The value of what was entered, or what is wrong with it. */
export function read(field: Field, entry: Entry): Read {
  if (field.kind === 'group') {
    const whole: Record<string, unknown> = {};
    const entries = entry as Entries;
    for (const one of field.fields) {
      const got = read(one, entries[one.name] ?? initial(one));
      if ('problem' in got) return { problem: `${one.label}: ${got.problem}` };
      if ('value' in got) whole[one.name] = got.value;
    }
    return Object.keys(whole).length === 0 && !field.required ? { absent: true } : { value: whole };
  }
  if (field.kind === 'switch') return { value: entry === true };
  if (field.kind === 'picks') {
    const list = entry as string[];
    return list.length === 0 && field.required ? { problem: 'Choose at least one' } : checked(field, list);
  }
  const text = String(entry);
  if (text.trim() === '') {
    if (field.fallback === '' || (field.kind === 'text' && field.fallback === undefined && !field.required)) return field.fallback === '' ? { value: '' } : { absent: true };
    return field.required ? { problem: 'Must be filled' } : { absent: true };
  }
  if (field.kind === 'integer') return /^[+-]?\d+$/.test(text.trim()) ? checked(field, Number(text)) : { problem: 'Must be a whole number' };
  if (field.kind === 'number') return Number.isFinite(Number(text)) ? checked(field, Number(text)) : { problem: 'Must be a number' };
  if (field.kind === 'choice') return { value: JSON.parse(text) as unknown };
  if (field.kind === 'code') return code(field, text);
  if (field.type === 'regex') {
    try {
      new RegExp(text);
    } catch {
      return { problem: 'Is no regular expression' };
    }
  }
  return checked(field, text);
}

function code(field: Field, text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Plain text for what may be anything.
    if (!['list', 'dict'].includes(field.type) && !/^\s*[[{"]/.test(text)) return checked(field, text);
    return { problem: `Is not JSON: ${(error as Error).message}` };
  }
  if (isFunction(value)) return { value };
  if (field.type === 'list' && !Array.isArray(value)) return { problem: 'Must be a list, such as ["a", "b"]' };
  if (field.type === 'dict' && (typeof value !== 'object' || value === null || Array.isArray(value))) return { problem: 'Must be a dictionary, such as {"a": 1}' };
  return checked(field, value);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

/** What a constraint says about a value, or null where it holds. */
export function broken(constraint: Record<string, unknown>, value: unknown): string | null {
  for (const [name, bound] of Object.entries(constraint)) {
    const [number, limit] = [Number(value), Number(bound)];
    if (name === 'in_range' && Array.isArray(bound)) {
      const [low, high] = bound as [unknown, unknown];
      const under = typeof low === 'number' && number < low;
      const over = typeof high === 'number' && number > high;
      if (under || over) return `Must be from ${String(low)} to ${String(high)}`;
    }
    if (name === 'equal' && value !== bound) return `Must be ${JSON.stringify(bound)}`;
    if (name === 'greater_than' && !(number > limit)) return `Must be greater than ${limit}`;
    if (name === 'greater_or_equal' && !(number >= limit)) return `Must be at least ${limit}`;
    if (name === 'less_than' && !(number < limit)) return `Must be less than ${limit}`;
    if (name === 'less_or_equal' && !(number <= limit)) return `Must be at most ${limit}`;
    if (name === 'length' && sizeOf(value) !== limit) return `Must have a length of ${limit}`;
    if (name === 'min_length' && sizeOf(value) < limit) return `Must have a length of at least ${limit}`;
    if (name === 'max_length' && sizeOf(value) > limit) return `Must have a length of at most ${limit}`;
    if (name === 'pattern' && !matches(String(bound), String(value))) return `Must match ${String(bound)}`;
  }
  return null;
}

/** Patterns are the manager's: what the browser cannot read is left to it. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(text);
  } catch {
    return true;
  }
}

function checked(field: Field, value: unknown): Read {
  for (const constraint of field.constraints) {
    const problem = broken(constraint, value);
    if (problem) return { problem };
  }
  return { value };
}

/** All values, without those that are as they would be anyway; and all problems by the field's name. */
export function readAll(fields: Field[], entries: Entries, keepDefaults = false): { values: Record<string, unknown>; problems: Record<string, string> } {
  const values: Record<string, unknown> = {};
  const problems: Record<string, string> = {};
  for (const field of fields) {
    const got = read(field, entries[field.name] ?? initial(field));
    if ('problem' in got) problems[field.name] = got.problem;
    else if ('value' in got && (keepDefaults || JSON.stringify(got.value) !== JSON.stringify(field.fallback))) values[field.name] = got.value;
  }
  return { values, problems };
}
