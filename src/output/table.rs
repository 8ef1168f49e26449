//! Columns that line up, without the last one being padded.

/// The widest cell of each column but the last, counted in characters.
pub fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default().saturating_sub(1);
    (0..columns).map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_column_has_no_width() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(super::widths(&rows), [3]);
    }
}
