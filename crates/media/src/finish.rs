//! From a spool to the wav file that a customer gets, and from that to mp3: whole or not at all, also when the disk is
//! full or the power fails. Blocks; runs on the pool.

use audio::mp3::wav_to_mp3;
use audio::wav::{SpoolError, spool_to_wav};
use ports::MediaError;
use ports::media::FinishedRecording;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Makes `file` of `spool` and removes the spool.
pub(crate) fn finish(spool: &Path, file: &Path) -> Result<FinishedRecording, MediaError> {
    let partial = partial_name(file);
    let made = write_whole(spool, &partial)
        .and_then(|made| std::fs::rename(&partial, file).map_err(SpoolError::Io).map(|()| made));
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            // The partial file is of no use to anybody; the spool stays, so that nothing is lost.
            let _ = std::fs::remove_file(&partial);
            return Err(MediaError::Recording(format!("cannot make {}: {error}", file.display())));
        }
    };
    sync_folder(file);
    if let Err(error) = std::fs::remove_file(spool) {
        tracing::warn!(spool = %spool.display(), %error, "a finished spool cannot be removed");
    }
    Ok(made)
}

/// Makes `mp3` of a wav file, which stays. Returns its size.
pub(crate) fn encode_mp3(wav: &Path, mp3: &Path) -> Result<u64, MediaError> {
    let partial = partial_name(mp3);
    let made = write_mp3(wav, &partial)
        .and_then(|bytes| std::fs::rename(&partial, mp3).map_err(|error| error.to_string()).map(|()| bytes));
    made.map_err(|reason| {
        let _ = std::fs::remove_file(&partial);
        MediaError::Recording(format!("cannot make {}: {reason}", mp3.display()))
    })
}

fn write_mp3(wav: &Path, partial: &Path) -> Result<u64, String> {
    let reader = File::open(wav).map_err(|error| error.to_string())?;
    let mut writer = BufWriter::new(File::create(partial).map_err(|error| error.to_string())?);
    let bytes = wav_to_mp3(BufReader::new(reader), &mut writer).map_err(|error| error.to_string())?;
    writer.get_ref().sync_all().map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn write_whole(spool: &Path, partial: &Path) -> Result<FinishedRecording, SpoolError> {
    let reader = BufReader::new(File::open(spool)?);
    let mut writer = BufWriter::new(File::create(partial)?);
    let made = spool_to_wav(reader, &mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    Ok(FinishedRecording {
        duration_ms: u32::try_from(made.duration_ms).unwrap_or(u32::MAX),
        bytes: made.bytes,
    })
}

/// In the same folder, so that the renaming is one step of the file system.
fn partial_name(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    file.with_file_name(name)
}

/// Makes the new name last; where folders cannot be synced the file is still whole.
fn sync_folder(file: &Path) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}
