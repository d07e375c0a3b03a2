// A blueprint from an archive, a YAML file or a URL. The manager reads it; its mistakes are shown with their places.
import { Button, FileInput, Modal, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { FileArchive } from 'lucide-react';
import { useState } from 'react';

import type { Blueprint } from '../api/client';
import { call } from '../api/list';
import { t } from '../i18n/t';
import { Problem } from '../parts/states';
import styles from '../parts/Confirm.module.css';
import { packed } from './tar';

/** The blueprint once the manager has read it. */
async function read(blueprint: Blueprint): Promise<Blueprint> {
  let found = blueprint;
  while (['pending', 'validating', 'uploading', 'extracting', 'parsing'].includes(found.state ?? '')) {
    await new Promise((resume) => setTimeout(resume, 200));
    found = await call<Blueprint>('GET', `/blueprints/${encodeURIComponent(blueprint.id ?? '')}`);
  }
  if (found.state !== 'uploaded') throw new Error(found.error ?? found.state ?? t('No reason was given'));
  return found;
}

export function UploadDialog({ close, done }: { close: () => void; done: (id: string) => void }) {
  const client = useQueryClient();
  const [from, setFrom] = useState('file');
  const [file, setFile] = useState<File | null>(null);
  const [url, setUrl] = useState('');
  const [id, setId] = useState('');
  const [main, setMain] = useState('');
  const [visibility, setVisibility] = useState<string | null>('tenant');
  const upload = useMutation({
    mutationFn: async () => {
      const yaml = file !== null && /\.ya?ml$/i.test(file.name);
      const query = new URLSearchParams({ visibility: visibility ?? 'tenant', async_upload: 'false' });
      if (main) query.set('application_file_name', main);
      else if (from === 'file' && yaml) query.set('application_file_name', file.name);
      if (from === 'url') query.set('blueprint_archive_url', url);
      const body = from === 'url' ? undefined : yaml ? await packed(id, file) : (file ?? undefined);
      return read(await call<Blueprint>('PUT', `/blueprints/${encodeURIComponent(id)}?${query}`, body));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['list', '/blueprints'] }),
    onSuccess: () => done(id),
  });
  const choose = (chosen: File | null) => {
    setFile(chosen);
    if (chosen && !id) setId(chosen.name.replace(/\.(tar\.gz|tgz|tar\.bz2|tar|zip|ya?ml)$/i, ''));
  };
  const ready = id !== '' && (from === 'url' ? url !== '' : file !== null);
  return (
    <Modal opened onClose={close} title={t('Upload a blueprint')} size="lg">
      <form className={styles.fields} onSubmit={(event) => { event.preventDefault(); if (ready) upload.mutate(); }}>
        <SegmentedControl value={from} onChange={setFrom} data={[{ value: 'file', label: t('File') }, { value: 'url', label: t('URL') }]} aria-label={t('From')} />
        {from === 'file'
          ? <FileInput label={t('Archive or YAML file')} placeholder={t('zip, tar.gz, tar.bz2, tar or yaml')} leftSection={<FileArchive size={15} />} value={file} onChange={choose} accept=".zip,.tar,.gz,.tgz,.bz2,.yaml,.yml" clearable />
          : <TextInput label={t('URL of an archive')} placeholder="https://" value={url} onChange={(event) => setUrl(event.currentTarget.value)} />}
        <TextInput label={t('Name')} value={id} onChange={(event) => setId(event.currentTarget.value)} required />
        <TextInput label={t('Main file')} placeholder={t('blueprint.yaml, if it is not the only YAML file')} value={main} onChange={(event) => setMain(event.currentTarget.value)} />
        <Select label={t('Visibility')} value={visibility} onChange={setVisibility} data={['private', 'tenant', 'global']} />
        {upload.error && <Problem error={upload.error} title={t('The blueprint was not accepted')} />}
        <div className={styles.buttons}>
          <Button variant="default" size="sm" onClick={close}>{t('Cancel')}</Button>
          <Button type="submit" size="sm" disabled={!ready} loading={upload.isPending}>{t('Upload')}</Button>
        </div>
      </form>
    </Modal>
  );
}
