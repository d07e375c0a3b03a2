//! Pictures of a blueprint: its nodes and what they need, for Graphviz, for Mermaid, or as SVG.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::Value;

use crate::output;

/// Nodes and the relationships between them.
pub(crate) struct Graph {
    nodes: Vec<(String, String)>,
    edges: Vec<(usize, usize, String)>,
}

impl Graph {
    /// Of a blueprint's plan.
    pub(crate) fn of(plan: &Value) -> Self {
        let all = plan["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<_> = all.iter().map(|node| (output::text(&node["name"]), output::text(&node["type"]))).collect();
        let places: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
        let mut edges = Vec::new();
        for (from, node) in all.iter().enumerate() {
            for relationship in node["relationships"].as_array().into_iter().flatten() {
                let target = relationship["target_id"].as_str().and_then(|target| places.get(target));
                let kind = output::text(&relationship["type"]);
                edges.extend(target.map(|to| (from, *to, kind.rsplit('.').next().unwrap_or_default().to_owned())));
            }
        }
        Self { nodes, edges }
    }

    /// For `dot` of Graphviz.
    pub(crate) fn dot(&self) -> String {
        let mut text = "digraph blueprint {\n  rankdir=BT;\n  node [shape=box, style=rounded];\n".to_owned();
        for (name, kind) in &self.nodes {
            let _ = writeln!(text, "  {name:?} [label={:?}];", format!("{name}\n{kind}"));
        }
        for (from, to, kind) in &self.edges {
            let _ = writeln!(text, "  {:?} -> {:?} [label={kind:?}];", self.nodes[*from].0, self.nodes[*to].0);
        }
        text + "}"
    }

    /// For Mermaid.
    pub(crate) fn mermaid(&self) -> String {
        let mut text = "flowchart BT\n".to_owned();
        for (at, (name, kind)) in self.nodes.iter().enumerate() {
            let _ = writeln!(text, "  n{at}[\"{}<br/><small>{}</small>\"]", escaped(name), escaped(kind));
        }
        for (from, to, kind) in &self.edges {
            let _ = writeln!(text, "  n{from} -->|{}| n{to}", escaped(kind));
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// A drawing: what is needed stands below what needs it.
    pub(crate) fn svg(&self) -> String {
        const WIDTH: usize = 220;
        const HEIGHT: usize = 48;
        const GAP: usize = 60;
        let ranks = self.ranks();
        let deepest = ranks.iter().copied().max().unwrap_or_default();
        let mut used = vec![0; deepest + 1];
        let mut places = Vec::new();
        for rank in &ranks {
            places.push((20 + used[*rank] * (WIDTH + 30), 20 + (deepest - rank) * (HEIGHT + GAP)));
            used[*rank] += 1;
        }
        let width = 40 + used.iter().copied().max().unwrap_or_default() * (WIDTH + 30);
        let height = 40 + (deepest + 1) * (HEIGHT + GAP);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" \
             orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n"
        );
        for (from, to, kind) in &self.edges {
            let ((x1, y1), (x2, y2)) = (places[*from], places[*to]);
            let (x1, x2) = (x1 + WIDTH / 2, x2 + WIDTH / 2);
            let (y1, y2) = if y1 < y2 { (y1 + HEIGHT, y2) } else { (y1, y2 + HEIGHT) };
            let _ = writeln!(
                text,
                "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#666\" marker-end=\"url(#tip)\"><title>{}</title></line>",
                escaped(kind)
            );
        }
        for ((name, kind), (x, y)) in self.nodes.iter().zip(&places) {
            let _ = writeln!(
                text,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"#eef\" stroke=\"#446\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" fill=\"#666\" font-size=\"11\">{}</text>",
                x + 10,
                y + 20,
                escaped(name),
                x + 10,
                y + 38,
                escaped(kind)
            );
        }
        text + "</svg>"
    }

    /// How many others each node needs at most, one below the other.
    fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.nodes.len()];
        // Nodes cannot need each other in a circle, so so many rounds are enough.
        for _ in 0..self.nodes.len() {
            let mut is_changed = false;
            for (from, to, _) in &self.edges {
                if ranks[*from] <= ranks[*to] {
                    ranks[*from] = ranks[*to] + 1;
                    is_changed = true;
                }
            }
            if !is_changed {
                break;
            }
        }
        ranks
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_stand_above_what_they_need() {
        let plan = json!({"nodes": [
            {"name": "host", "type": "cloudify.nodes.Compute", "relationships": []},
            {"name": "app", "type": "App", "relationships": [{"type": "cloudify.relationships.contained_in", "target_id": "host"}]},
        ]});
        let graph = Graph::of(&plan);
        assert_eq!(graph.ranks(), [0, 1]);
        assert!(graph.dot().contains("\"app\" -> \"host\" [label=\"contained_in\"];"));
        assert!(graph.mermaid().contains("n1 -->|contained_in| n0"));
        assert!(graph.svg().starts_with("<svg") && graph.svg().ends_with("</svg>"));
    }
}
