import { AppWindow, Box, Boxes, Cable, Database, FolderTree, HardDrive, Network, Package, Server, Share2 } from 'lucide-react';

const ICONS: [string, typeof Box][] = [
  ['cloudify.nodes.Compute', Server],
  ['cloudify.nodes.Container', Package],
  ['cloudify.nodes.DBMS', Database],
  ['cloudify.nodes.Database', Database],
  ['cloudify.nodes.WebServer', AppWindow],
  ['cloudify.nodes.ApplicationServer', AppWindow],
  ['cloudify.nodes.SoftwareComponent', AppWindow],
  ['cloudify.nodes.Network', Network],
  ['cloudify.nodes.Subnet', Network],
  ['cloudify.nodes.Router', Network],
  ['cloudify.nodes.Port', Cable],
  ['cloudify.nodes.Volume', HardDrive],
  ['cloudify.nodes.FileSystem', FolderTree],
  ['cloudify.nodes.Component', Boxes],
  ['cloudify.nodes.SharedResource', Share2],
];

/** The icon of the nearest type that has one. */
export function TypeIcon({ hierarchy }: { hierarchy: unknown }) {
  const types = Array.isArray(hierarchy) ? (hierarchy as string[]) : [];
  const Icon = [...types].reverse().map((type) => ICONS.find(([name]) => name === type)?.[1]).find(Boolean) ?? Box;
  return <Icon size={15} aria-hidden="true" />;
}
