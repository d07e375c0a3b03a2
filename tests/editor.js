// Runs the packed VS Code extension with the real language server; only the editor itself is stood in for.
//
//     node tests/editor.js FOLDER BINARY BLUEPRINT
//
// FOLDER holds the unpacked extension. BLUEPRINT has no mistake and a node called `web` that another one needs.
const assert = require('assert');
const fs = require('fs');
const Module = require('module');
const path = require('path');

const [folder, binary, blueprint] = process.argv.slice(2);
const text = fs.readFileSync(blueprint, 'utf8');
const providers = {};
let changed;
let heard = () => {};

class Position { constructor(line, character) { Object.assign(this, { line, character }); } }
class Range { constructor(...places) { this.places = places; } }
const uri = (text) => ({ toString: () => text });
const disposable = { dispose() {} };
const provider = (name) => (_, given) => { providers[name] = given; return disposable; };
const editor = {
  Position, Range,
  Diagnostic: class { constructor(range, message, severity) { Object.assign(this, { range, message, severity }); } },
  CompletionItem: class { constructor(label, kind) { Object.assign(this, { label, kind }); } },
  Hover: class { constructor(contents) { this.contents = contents; } },
  MarkdownString: class { constructor(value) { this.value = value; } },
  Location: class { constructor(uri, range) { Object.assign(this, { uri, range }); } },
  WorkspaceEdit: class { constructor() { this.edits = []; } replace(...edit) { this.edits.push(edit); } },
  TextEdit: { replace: (range, text) => ({ range, text }) },
  Uri: { parse: uri },
  window: { showWarningMessage: (message) => { throw new Error(message); } },
  workspace: {
    getConfiguration: () => ({ get: () => binary }),
    onDidOpenTextDocument: () => disposable,
    onDidChangeTextDocument: (tell) => { changed = tell; return disposable; },
  },
  languages: {
    createDiagnosticCollection: () => ({ set: (_, found) => heard(found), dispose() {} }),
    registerCompletionItemProvider: provider('completion'),
    registerHoverProvider: provider('hover'),
    registerDefinitionProvider: provider('definition'),
    registerRenameProvider: provider('rename'),
    registerDocumentFormattingEditProvider: provider('formatting'),
  },
};
const document = (text) => ({ languageId: 'yaml', version: 1, uri: uri(`file://${blueprint}`), getText: () => text });
editor.workspace.textDocuments = [document(text)];
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? editor : load(name, ...rest));

const checked = () => new Promise((resolve) => { heard = resolve; });
const place = (text, behind) => {
  const lines = text.slice(0, text.indexOf(behind) + behind.length).split('\n');
  return new Position(lines.length - 1, lines[lines.length - 1].length);
};

(async () => {
  const about = JSON.parse(fs.readFileSync(path.join(folder, 'package.json')));
  const extension = require(path.join(folder, about.main));
  const first = checked();
  const activated = extension.activate({ subscriptions: [] });
  assert.deepEqual(await first, []);
  await activated;

  const target = place(text, 'target: w');
  const { edits } = await providers.rename.provideRenameEdits(document(text), target, 'renamed');
  assert(edits.length > 1 && edits.every(([, , name]) => name === 'renamed'), JSON.stringify(edits));
  const found = await providers.definition.provideDefinition(document(text), target);
  assert(found.uri.toString().endsWith(path.basename(blueprint)));
  const hover = await providers.hover.provideHover(document(text), target);
  assert(hover.contents.value.includes('web'), hover.contents.value);
  const items = await providers.completion.provideCompletionItems(document(text), place(text, 'target: '));
  assert(items.some((item) => item.label === 'web'), JSON.stringify(items));
  assert.deepEqual(await providers.formatting.provideDocumentFormattingEdits(document(text)), []);

  const wrong = text.replace('target: web', 'target: wbe');
  const second = checked();
  changed({ document: document(wrong) });
  const problems = await second;
  assert(problems.some((problem) => problem.message.includes('wbe') && problem.source === 'nephele'), JSON.stringify(problems));
  extension.deactivate();
  console.log('the extension does what it should');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
