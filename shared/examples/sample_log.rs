//! Writes a log of any size as files, for tests of other verifiers: `sample_log DIRECTORY SIZE`.
//!
//! The files are those that a log serves (`checkpoint`, `key`, `tile/…`), single leaves (`leaves/<sequence>`), and the
//! checkpoints of earlier sizes (`earlier/<size>`). The private key is the byte 7 repeated 32 times, so its signatures prove
//! nothing.

use std::{env, error::Error, fs, path::Path};

use ed25519_dalek::{Signer, SigningKey};
use shared::ledger::{
    checkpoint::Checkpoint,
    entries,
    hash::Hash,
    note::Vkey,
    tile::{BundleId, FULL, TileId},
    tree::Frontier,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [directory, size] = arguments.as_slice() else {
        return Err("usage: sample_log DIRECTORY SIZE".into());
    };
    write_log(Path::new(directory), size.parse()?)
}

fn write_log(directory: &Path, size: u64) -> Result<(), Box<dyn Error>> {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let key = Vkey::new("audit-logs.example/sample", signer.verifying_key().to_bytes())?;
    let sign = |tree: &Frontier| {
        let text = Checkpoint::new(&key, tree.size(), tree.root()).to_string();
        key.note(&text, &signer.sign(text.as_bytes()).to_bytes())
    };

    let mut tree = Frontier::default();
    let mut levels: Vec<Vec<Hash>> = Vec::new();
    for sequence in 0..size {
        if [0, 1, 255, 256, 257, size / 2, size - 1].contains(&sequence) {
            write(directory, &format!("earlier/{sequence}"), sign(&tree)?)?;
            write(directory, &format!("leaves/{sequence}"), leaf(sequence))?;
        }
        let complete = tree.push(Hash::of_leaf(&leaf(sequence)));
        for (level, hash) in complete.into_iter().step_by(FULL.ilog2() as usize).enumerate() {
            levels.resize(levels.len().max(level + 1), Vec::new());
            levels[level].push(hash);
        }
    }

    for tile in TileId::new_since(0, size) {
        let first = usize::try_from(tile.index())? * usize::from(FULL);
        let hashes = &levels[usize::from(tile.level())][first..][..tile.width().into()];
        write(directory, &format!("tile/{tile}"), Hash::concatenate(hashes))?;
    }
    for bundle in (0..).map_while(|index| BundleId::of(index, size)) {
        let first = bundle.index() * u64::from(FULL);
        let mut content = Vec::new();
        for sequence in first..first + u64::from(bundle.width()) {
            entries::append(&mut content, &leaf(sequence))?;
        }
        write(directory, &format!("tile/{bundle}"), content)?;
    }
    write(directory, "key", format!("{key}\n"))?;
    write(directory, "checkpoint", sign(&tree)?)
}

fn leaf(sequence: u64) -> Vec<u8> {
    format!("{{\"sample\":{sequence}}}").into_bytes()
}

fn write(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<(), Box<dyn Error>> {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().ok_or("no directory")?)?;
    Ok(fs::write(path, content)?)
}
