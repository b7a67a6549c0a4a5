//! Which nodes of a graph an encoder has written.

use crate::event::RefId;

/// The number on the wire of each node that has been written.
///
/// A graph that was read is written in the order of its nodes: then it is enough to count them. Only one that is built in
/// another order, or written after other values in between, needs a table.
#[derive(Debug)]
pub(super) struct Written {
    /// The number of the first node. The nodes up to `count` have the ones that follow.
    first: u32,
    count: u32,
    /// How many nodes there are.
    nodes: usize,
    table: Option<Vec<Option<u32>>>,
}

impl Written {
    /// None of so many nodes is written. Does not allocate.
    pub(super) const fn new(nodes: usize) -> Self {
        Self { first: 0, count: 0, nodes, table: None }
    }

    #[inline]
    pub(super) fn get(&self, node: RefId) -> Option<u32> {
        match &self.table {
            None => (node.0 < self.count).then(|| self.first + node.0),
            Some(table) => table[node.0 as usize],
        }
    }

    /// A node that was not written yet.
    #[inline]
    pub(super) fn set(&mut self, node: RefId, number: u32) {
        if self.count == 0 {
            self.first = number;
        }
        if self.table.is_none() && node.0 == self.count && number == self.first + self.count {
            self.count += 1;
        } else {
            self.set_out_of_order(node, number);
        }
    }

    #[cold]
    fn set_out_of_order(&mut self, node: RefId, number: u32) {
        let (first, count) = (self.first, self.count);
        let table = self.table.get_or_insert_with(|| {
            let mut table = vec![None; self.nodes];
            for (entry, number) in table.iter_mut().zip(first..first + count) {
                *entry = Some(number);
            }
            table
        });
        table[node.0 as usize] = Some(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: &[(u32, u32)], needs_table: bool) {
        let mut written = Written::new(8);
        let mut expected = [None; 8];
        for &(node, number) in order {
            written.set(RefId(node), number);
            expected[node as usize] = Some(number);
            let found: Vec<_> = (0..8).map(|node| written.get(RefId(node))).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(written.table.is_some(), needs_table);
    }

    #[test]
    fn nodes_in_order_are_counted_and_others_remembered() {
        check(&[], false);
        check(&[(0, 0), (1, 1), (2, 2), (3, 3)], false);
        check(&[(0, 40), (1, 41), (2, 42)], false);
        check(&[(0, 40), (1, 41), (2, 43), (3, 44)], true);
        check(&[(3, 0), (0, 1), (1, 2), (7, 3)], true);
        check(&[(0, 0), (1, 1), (4, 2), (2, 3), (3, 4)], true);
    }
}
