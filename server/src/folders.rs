//! Folders for what is personal: nobody else on the machine looks into those that are made here.

use std::io;
use std::path::Path;

/// Makes the folder and those above it; one that is there already stays as it is.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_folder_is_its_owners_alone_and_an_old_one_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (upper, lower) = (place.path().join("data"), place.path().join("data/mail"));
        make_private(&lower).unwrap();
        assert_eq!((mode(&upper), mode(&lower)), (0o700, 0o700));
        std::fs::set_permissions(&upper, std::fs::Permissions::from_mode(0o750)).unwrap();
        make_private(&upper).unwrap();
        assert_eq!(mode(&upper), 0o750);
    }
}
