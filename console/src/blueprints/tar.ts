// Files as an archive with one folder, which is how the manager takes blueprints.

const BLOCK = 512;

export interface Packed {
  name: string;
  content: Uint8Array;
}

/** A tar archive with `folder/file`. */
export async function packed(folder: string, file: File): Promise<Blob> {
  return archive(folder, [{ name: file.name, content: new Uint8Array(await file.arrayBuffer()) }]);
}

/** A tar archive of files in a folder. */
export function archive(folder: string, files: Packed[]): Blob {
  return new Blob([tar(files.map(({ name, content }) => ({ name: `${folder.replaceAll('/', '-')}/${name}`, content })))]);
}

export function tar(files: Packed[]): Uint8Array<ArrayBuffer> {
  const padded = (content: Uint8Array) => Math.ceil(content.length / BLOCK) * BLOCK;
  const bytes = new Uint8Array(files.reduce((size, { content }) => size + BLOCK + padded(content), 2 * BLOCK));
  let at = 0;
  for (const { name, content } of files) {
    head(bytes.subarray(at, at + BLOCK), name, content.length);
    bytes.set(content, at + BLOCK);
    at += BLOCK + padded(content);
  }
  return bytes;
}

/** What stands before a file. */
function head(bytes: Uint8Array, name: string, length: number): void {
  const encoder = new TextEncoder();
  const put = (at: number, text: string) => bytes.set(encoder.encode(text), at);
  put(0, name.slice(-99));
  put(100, '0000755\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${length.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar\0' + '00');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
}
